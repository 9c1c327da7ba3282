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
  tellWatchdog()
  child.once('exit', () => {
    alive.delete(child)
    tellWatchdog()
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

/** Reads lists of processes and folders; the last one has what is left when this process ends. */
const SCRIPT = `
set -f
while read -r line; do last=$line; done
IFS='|'
set -- $last
while [ $# -gt 0 ]; do
  kill -9 "-$2"
  [ -z "$1" ] || rm -rf "$1"
  shift 2
done`

let watchdog: ChildProcess | undefined

/**
 * Tells a shell what to kill and to remove when the pipe closes, that is, when this process was
 * killed.
 */
function tellWatchdog(): void {
  watchdog ??= startWatchdog()
  const list = [...alive].map(([{ pid }, dir = '']) => `${dir}|${pid}|`)
  watchdog.stdin!.write(`${list.join('')}\n`)
}

/**
 * Detached, so that a signal to this process group (Ctrl-C, a CI runner) does not end the shell.
 */
function startWatchdog(): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  shell.unref()
  ;(shell.stdin as Socket).unref()
  return shell
}
