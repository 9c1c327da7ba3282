/** `npm run test:repeat` as a process: its exit codes, and that nothing outlives it. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const tool = ['scripts/run.mjs', 'scripts/repeat/main.ts']
const quick = 'test/unit/redis-engine/msgpack.test.ts'
/** Only a process that never ends reaches it. ms */
const timeout = 120_000

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [...tool, ...args], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Those that run, not those that have ended and wait for their parent to hear of it. */
const busyProcesses = () =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes('for (;;);'))
    .map((line) => {
      const [pid, parent] = line.trim().split(/\s+/).map(Number)
      return { pid, parent }
    })

test('runs the named file as often as asked, and its exit code says that it passed', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...tool, '--times', '2', quick])
  expect(stdout).toMatch(/run +passed +failed +skipped +seconds\n +1 +\d+ +0 +0 +\d+\n +2 +\d+ +0 +0 +\d+\n/)
  expect(stdout).toContain('✓ 2 of 2 runs passed')
})

test('a wrong option is refused with exit code 2', async () => {
  const refused = promisify(execFile)(process.execPath, [...tool, '--times', 'often'])
  await expect(refused).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^--times must be .*\nTry: npm run test:repeat -- --help\n$/),
  })
})

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'the busy processes of --load end with it, also by %s',
  async (signal) => {
    const child = start('--times', '1000', '--load', quick)
    const ended = new Promise((settle) => child.once('exit', settle))
    const itsBusy = () => busyProcesses().filter(({ parent }) => parent === child.pid)
    await expect.poll(itsBusy, { timeout }).toHaveLength(2)
    const busy = itsBusy().map(({ pid }) => pid)
    child.kill(signal)
    await ended
    await expect.poll(() => busyProcesses().filter(({ pid }) => busy.includes(pid)), { timeout }).toEqual([])
  },
)
