/** `npm run soak` as a process: its report, its exit codes, and what ends it at once. */
import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ApplicationProcess } from '../../scripts/soak/application-process.js'

const tool = ['scripts/run.mjs', 'scripts/soak/main.ts']

test('a short run keeps every promise, and says that it was too short to judge', async () => {
  const run = promisify(execFile)(process.execPath, [...tool, '--minutes', '0.1', '--seed', '3'])
  const { code, stdout } = await run.catch((error) => error)
  expect(stdout).toMatch(/^stockhold soak, 6.0 s, seed 3\n/)
  expect(stdout).toMatch(/✗ The run was too short to judge its series\n✓ \d+ sales: every check holds\n$/)
  expect(stdout).toMatch(/^heap \(MiB\) +\d/m)
  expect(stdout).toMatch(/^reserve +\d/m)
  expect(code).toBe(1)
})

test('a wrong option is refused with exit code 2', async () => {
  const refused = promisify(execFile)(process.execPath, [...tool, '--minutes', 'long'])
  await expect(refused).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^--minutes must be .*\nTry: npm run soak -- --help\n$/),
  })
})

test('Ctrl-C ends the round under way, and the report follows', async () => {
  const child = spawn(process.execPath, [...tool, '--seed', '4'], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (chunk) => {
    if (!output.includes('round 1,') && `${output}${chunk}`.includes('round 1,')) child.kill('SIGINT')
    output += chunk
  })
  const code = await new Promise((settle) => child.once('close', settle))
  expect(output).toMatch(/✓ \d+ sales: every check holds\n$/)
  expect(code).toBe(130)
})

describe('an application ends the run', () => {
  async function start(seed: number): Promise<ApplicationProcess> {
    const application = new ApplicationProcess('test/support/soak-application.ts')
    onTestFinished(() => application.kill())
    await application.start({ seed, redis: '', postgres: '' }).catch(() => {})
    return application
  }

  test.each([
    [1, 'that leaves a rejection unhandled', /^unhandledRejection: Error: not awaited/],
    [2, 'that leaves an exception uncaught', /^uncaughtException: Error: not caught/],
    [3, 'that adds too many listeners', /^MaxListenersExceededWarning/],
    [4, 'that ends', /^the application ended \(exit code 7\)/],
  ])('%# %s', async (seed, _, why) => {
    const { broken } = await start(seed)
    await expect(broken).rejects.toThrow(why)
  })

  test('that does not end by itself after everything was closed', async () => {
    const application = await start(5)
    await expect(application.stop(50)).rejects.toThrow('something keeps it alive')
  })

  test('unless nothing went wrong', async () => {
    const application = await start(0)
    await expect(application.sample()).resolves.toMatchObject({ sales: [] })
    await application.stop()
  })
})
