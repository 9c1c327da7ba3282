import { existsSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BUNDLES } from '../bundle.mjs'
import { PROGRAM } from '../drill/server.js'
import { run } from '../lib/servers/command.js'
import { repositoryRoot } from '../lib/servers/machine.js'
import { cacheFolder, inWorkFolder, publish } from '../lib/servers/provision.js'
import type { Program } from '../lib/workers.js'

/**
 * The commit beside which this version runs: the main branch before heartbeat, operations log and
 * control room, in the layout of this version. Once there is a release, it is the latest one.
 */
export const EARLIER = 'c218b03'

/**
 * Takes a version out of the history of this repository, into a folder of the cache.
 *
 * @throws If the history does not have the commit.
 */
export async function earlierVersion(commit: string): Promise<Program> {
  const root = repositoryRoot()
  const git = async (...args: string[]) => (await run('git', ['-C', root, ...args])).stdout.trim()
  const hash = await git('rev-parse', '--verify', '--quiet', `${commit}^{commit}`).catch(() => {
    throw new Error(
      `This clone does not have the commit ${commit}. If it is shallow, get its history: git fetch --unshallow (in a CI, fetch-depth: 0). A copy without history cannot run this.`,
    )
  })
  const cache = cacheFolder('earlier')
  const home = join(cache, hash)
  if (!existsSync(home))
    await inWorkFolder(cache, async (work) => {
      const tree = join(work, 'tree')
      const archive = join(work, 'tree.tar')
      await mkdir(tree)
      await git('archive', '--output', archive, hash, '--', 'package.json', 'src', 'scripts')
      await run('tar', ['-xf', archive, '-C', tree])
      await publish(tree, home)
    })
  // The program is the same for both: what it imports is of its own version.
  await mkdir(dirname(join(home, PROGRAM)), { recursive: true })
  await copyFile(join(root, PROGRAM), join(home, PROGRAM))
  return { root: home, env: { ...process.env, [BUNDLES]: undefined } }
}
