import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the repository, found by its manifest: this code also runs from a bundle that lies elsewhere in it. */
export const root = find(dirname(fileURLToPath(import.meta.url)))

function find(folder: string): string {
  // A folder of installed packages has no manifest of its own, so that the next one up is the repository's.
  if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) return folder
  return find(dirname(folder))
}
