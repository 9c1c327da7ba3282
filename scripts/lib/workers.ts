import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repositoryRoot } from './servers/machine.js'

/** Where programs come from. */
export interface Program {
  readonly root: string
  readonly env: NodeJS.ProcessEnv
}

const thisRepository = (): Program => ({ root: repositoryRoot(), env: process.env })

/** A program of a repository in a process of its own; it reports in lines of JSON. */
export interface Worker<Report> {
  /** Resolves with the next line. */
  next(): Promise<Report>
  /** Every line until it ends; rejects where it failed by itself. */
  all(): Promise<Report[]>
  /** Sends a line to the worker. */
  tell(line: string): void
  /** Ends it at once, whatever it does. */
  kill(): Promise<void>
}

/** Starts `file` with its configuration as its only argument. */
export function startWorker<Report>(
  file: string,
  config: unknown,
  { root, env }: Program = thisRepository(),
): Worker<Report> {
  const args = [join(root, 'scripts/run.mjs'), file, JSON.stringify(config)]
  const child: ChildProcess = spawn(process.execPath, args, { cwd: root, env, stdio: 'pipe' })
  const endWithUs = () => child.kill('SIGKILL')
  process.once('exit', endWithUs)
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  child.stdin!.on('error', () => {})
  let killed = false
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      process.off('exit', endWithUs)
      if (code === 0 || killed) resolve()
      else reject(new Error(`${file} ended with ${signal ?? code}\n${errors}`))
    })
  })
  ended.catch(() => {})
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return {
    async next() {
      const line = await lines.next()
      if (!line.done) return JSON.parse(line.value) as Report
      await ended
      throw new Error(`${file} ended without a report\n${errors}`)
    },
    async all() {
      const reports: Report[] = []
      for (let line = await lines.next(); !line.done; line = await lines.next())
        reports.push(JSON.parse(line.value))
      await ended
      return reports
    },
    tell: (line) => void child.stdin!.write(`${line}\n`),
    async kill() {
      killed = true
      child.kill('SIGKILL')
      await ended
    },
  }
}
