import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { targets } from '../../bench/report/targets.js'

const run = promisify(execFile)

/**
 * Correctness only: what a part measures on a machine that does other things as well says nothing.
 */
test('a part of the bench suite runs to its end, finds every invariant held, and writes its report', async () => {
  const out = await mkdtemp(join(tmpdir(), 'stockhold-bench-'))
  onTestFinished(() => rm(out, { recursive: true, force: true }))
  const root = new URL('../../', import.meta.url).pathname
  const args = ['scripts/run.mjs', 'bench/main.ts', '--quick', 'refusals', '--out', out]
  const { stdout } = await run(process.execPath, args, { cwd: root })
  expect(stdout).toMatch(/All \d+ invariants hold/)
  const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8'))
  expect(report).toMatchObject({ version: 1, ok: true, parts: [{ name: 'refusals' }] })
  expect(report.targets).toHaveLength(targets.length)
  expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('refusals')
})
