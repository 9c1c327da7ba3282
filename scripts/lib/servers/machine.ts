import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** By name, not by depth: this file also runs from inside a bundle. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (folder !== dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'stockhold') return folder
    folder = dirname(folder)
  }
  return process.cwd()
}

export function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * A port below the range of outgoing connections: while a server restarts, no connection (such as
 * one of its own clients, which reconnect) may take its port.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const probe = createServer()
    const free = await new Promise<boolean>((settle) => {
      probe.once('error', () => settle(false))
      probe.listen(port, '127.0.0.1', () => settle(true))
    })
    if (!free) continue
    await new Promise((settle) => probe.close(settle))
    return port
  }
}
