import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * Processes to end with this one, and the temporary folders to remove; one listener for all of
 * them.
 */
const alive = new Map<ChildProcess, string | undefined>()
let listening = false

/**
 * Ends the child, and what the child has started in its group, when this process ends: in an
 * orderly way, by a signal or by SIGKILL. The child has been spawned detached, and so leads a
 * group.
 */
export function endWithThisProcess(child: ChildProcess, temporaryDir: string | undefined): void {
  if (child.pid === undefined) return
  alive.set(child, temporaryDir)
  if (!listening) process.once('exit', endAll)
  listening = true
  const dismiss = watch(child.pid, temporaryDir)
  child.once('exit', () => {
    alive.delete(child)
    dismiss()
  })
}

function endAll(): void {
  for (const [child, dir] of alive) {
    killGroup(child)
    if (dir) rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Kills the child and what it has started in its group, also after the child itself has ended. */
export function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // All processes of the group have ended.
  }
}

/**
 * Starts a shell that kills the group and removes its folder when the pipe closes without a line,
 * that is, when this process was killed. Detached, so that a signal to this process group (Ctrl-C,
 * a CI runner) does not end the shell.
 */
function watch(pid: number, temporaryDir = ''): () => void {
  const script = 'read -r line || { kill -9 "-$0"; [ -z "$1" ] || rm -rf "$1"; }'
  const watchdog = spawn('/bin/sh', ['-c', script, String(pid), temporaryDir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watchdog.on('error', () => {})
  watchdog.stdin.on('error', () => {})
  watchdog.unref()
  ;(watchdog.stdin as Socket).unref()
  return () => watchdog.stdin.end('\n')
}
