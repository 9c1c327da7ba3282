/** What all tools of this repository do alike: help, wrong options, exit codes and Ctrl-C. */
import { spawn } from 'node:child_process'
import { describe, expect, onTestFinished, test } from 'vitest'

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the tool, and sends it the signal once it is ready. */
function run(args: readonly string[], signal?: NodeJS.Signals, env = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'test/support/tool.ts', ...args], {
    env: { ...process.env, ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const text = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    if (signal && !text.stdout.includes('ready')) child.kill(signal)
    text.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    text.stderr += chunk
  })
  return new Promise((settle) => child.once('close', (code) => settle({ code, ...text })))
}

describe('a tool', () => {
  test.each(['--help', '-h'])('prints its help for %s', async (option) => {
    expect(await run([option])).toEqual({ code: 0, stdout: 'What the tool does.\n', stderr: '' })
  })

  test('ends with the exit code of its run', async () => {
    expect(await run(['--do', 'pass'])).toMatchObject({ code: 0, stderr: '' })
    expect(await run(['--do', 'fail'])).toMatchObject({ code: 1, stderr: '' })
  })

  test('names a wrong option and its help, with exit code 2', async () => {
    const stderr = '--do must be pass or fail or throw or wait, not "sing"\nTry: npm run tool -- --help\n'
    expect(await run(['--do', 'sing'])).toEqual({ code: 2, stdout: '', stderr })
  })

  test('tells an error by its message alone, without credentials', async () => {
    const stderr = 'no answer from redis://***@example\n'
    expect(await run(['--do', 'throw'])).toEqual({ code: 1, stdout: '', stderr })
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('cleans up and ends when it gets %s', async (signal, code) => {
    const ended = await run(['--do', 'wait'], signal)
    expect(ended).toEqual({ code, stdout: 'ready\ncleaned up\n', stderr: '' })
  })

  test('finishes by itself after Ctrl-C if it is such a tool', async () => {
    const ended = await run(['--do', 'wait'], 'SIGINT', { TOOL_FINISHES: '1' })
    expect(ended).toEqual({ code: 130, stdout: 'ready\nfinished\n', stderr: '' })
  })
})
