/** `npm run test:versions`: what it says where the history is missing. The CI runs all of it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('a clone without the commit is told how to get it', async () => {
  const args = ['scripts/run.mjs', 'scripts/versions/main.ts', '--commit', 'f'.repeat(40)]
  await expect(promisify(execFile)(process.execPath, args)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('git fetch --unshallow'),
  })
})
