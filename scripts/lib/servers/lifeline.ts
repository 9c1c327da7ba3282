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

/** Knows the groups to kill: one line for each that begins, and one for each that has ended. */
const SCRIPT = `
groups=
while read -r sign pid dir; do
  rest=
  for each in $groups; do [ "$each" = "$pid" ] || rest="$rest $each"; done
  groups=$rest
  if [ "$sign" = + ]; then
    groups="$groups $pid"
    eval "dir_$pid=\\$dir"
  fi
done
for pid in $groups; do
  kill -9 "-$pid"
  eval "dir=\\$dir_$pid"
  [ -z "$dir" ] || rm -rf "$dir"
done`

let watchdog: ChildProcess | undefined

/**
 * Tells a shell to kill the group and remove its folder when the pipe closes, that is, when this
 * process was killed. Detached, so that a signal to this process group (Ctrl-C, a CI runner) does
 * not end the shell. One for all groups: each shell costs some 10 ms of CPU.
 */
function watch(pid: number, temporaryDir = ''): () => void {
  watchdog ??= startWatchdog()
  const { stdin } = watchdog
  stdin!.write(`+ ${pid} ${temporaryDir}\n`)
  return () => stdin!.write(`- ${pid}\n`)
}

function startWatchdog(): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  shell.unref()
  ;(shell.stdin as Socket).unref()
  return shell
}
