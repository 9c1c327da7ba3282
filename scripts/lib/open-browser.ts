import { spawn } from 'node:child_process'

const COMMANDS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['explorer'],
  linux: ['xdg-open'],
}

/** Where a program runs: whether a user sees its output. */
export interface Desk {
  readonly platform: NodeJS.Platform
  readonly env: NodeJS.ProcessEnv
  /** Its output is a terminal. */
  readonly isTerminal: boolean
}

/**
 * Opens an address in the user's browser, where there is one: at a terminal of this machine with a
 * display. Whatever comes of it is no error.
 *
 * @returns Whether a browser was asked for.
 */
export function openBrowser(url: string, { platform, env, isTerminal }: Desk): boolean {
  const command = COMMANDS[platform]
  const hasDisplay = platform !== 'linux' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY)
  if (!command || !isTerminal || !hasDisplay || env.SSH_CONNECTION || env.CI) return false
  const [name, ...args] = command
  const child = spawn(name, [...args, url], { stdio: 'ignore', detached: true, env })
  child.on('error', () => {})
  child.unref()
  return true
}
