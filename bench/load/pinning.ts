import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * The last of several CPUs that this process may use, for a process that is to have a CPU to
 * itself as far as the scheduler allows. `undefined` where there is one CPU, or processes cannot be
 * pinned.
 */
export async function lastCpu(): Promise<string | undefined> {
  try {
    const { stdout } = await run('taskset', ['-c', '-p', String(process.pid)])
    const [last, ...others] = (stdout.split(':').at(-1)!.match(/\d+/g) ?? []).reverse()
    if (last === undefined || others.length === 0) return undefined
    await run('taskset', ['-c', last, 'true'])
    return last
  } catch {
    return undefined
  }
}
