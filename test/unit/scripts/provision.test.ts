import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  inWorkFolder,
  notFound,
  onPath,
  publish,
  withLibraries,
} from '../../../scripts/lib/servers/provision.js'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'stockhold-provision-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

test('two processes that unpack at once leave one whole copy, and no work folder', async () => {
  const cache = await folder()
  const home = join(cache, '1.0')
  const unpack = (content: string) =>
    inWorkFolder(cache, async (work) => {
      await mkdir(join(work, 'finished'))
      await writeFile(join(work, 'finished', 'program'), content)
      await publish(join(work, 'finished'), home)
    })
  await Promise.all([unpack('first'), unpack('second')])
  const kept = await readFile(join(home, 'program'), 'utf8')
  await unpack('third')
  expect(await readFile(join(home, 'program'), 'utf8')).toBe(kept)
  expect(await readdir(cache)).toEqual(['1.0'])
})

test('an unpacking that fails leaves nothing, and its error is told', async () => {
  const cache = await folder()
  const failing = inWorkFolder(cache, async () => {
    throw new Error('no space left')
  })
  await expect(failing).rejects.toThrow('no space left')
  expect(await readdir(cache)).toEqual([])
})

test('removes the work folder of a process that was killed hours ago, not one in use', async () => {
  const cache = await folder()
  const [abandoned, inUse] = [join(cache, 'work-old'), join(cache, 'work-new')]
  await Promise.all([mkdir(abandoned), mkdir(inUse)])
  const hoursAgo = Date.now() / 1_000 - 2 * 3_600
  await utimes(abandoned, hoursAgo, hoursAgo)
  await inWorkFolder(cache, async () => {})
  expect([existsSync(abandoned), existsSync(inUse)]).toEqual([false, true])
})

test('finds programs on the PATH by the order of their names, then of the folders', async () => {
  const [first, second] = [await folder(), await folder()]
  for (const path of [join(first, 'b'), join(second, 'a'), join(second, 'b'), join(first, 'c')])
    await writeFile(path, '')
  for (const path of [join(first, 'b'), join(second, 'a'), join(second, 'b')]) await chmod(path, 0o755)
  vi.stubEnv('PATH', [first, '', second].join(delimiter))
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(onPath('a', 'b', 'c')).toEqual([join(second, 'a'), join(first, 'b'), join(second, 'b')])
})

test('libraries of the cache come before those that the machine names', () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('LD_LIBRARY_PATH', '/machine')
  expect(withLibraries(['/one', '/two']).LD_LIBRARY_PATH).toBe('/one:/two:/machine')
  vi.stubEnv('LD_LIBRARY_PATH', undefined)
  expect(withLibraries(['/one']).LD_LIBRARY_PATH).toBe('/one')
})

test('the error says what to install and what was tried', () => {
  const error = notFound(
    'A server is needed here.',
    ['Debian: apt-get install it'],
    ['the PATH: none', 'a\nb'],
  )
  expect(error.message).toBe(
    [
      'A server is needed here. Install one:',
      '  Debian: apt-get install it',
      'Tried:',
      '  - the PATH: none',
      '  - a',
      '    b',
    ].join('\n'),
  )
})
