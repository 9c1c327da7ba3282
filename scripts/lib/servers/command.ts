import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export const run = promisify(execFile)
export const minute = 60_000

/** Why a command or another operation failed. */
export function reason(error: unknown): string {
  const { message, stderr, killed } = error as Error & { stderr?: string; killed?: boolean }
  // The message of a failed command already ends with what it wrote to stderr.
  return killed ? `took too long and was ended: ${message}\n${stderr ?? ''}`.trim() : message.trim()
}
