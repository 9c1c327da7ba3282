/** `npm run release-notes -- --help` says what it prints. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { parseOptions } from '../../src/cli/tool-options.js'
import { runTool } from '../lib/run-tool.js'
import { type Commit, releaseNotes } from './notes.js'

const help = `Prints the notes of a release in Markdown: what .github/releases/VERSION.md says, then every commit since the previous
version tag that users notice (feat, fix, perf, and what breaks).

  npm run -s release-notes                 of what is not released yet, under the version in package.json
  npm run -s release-notes -- v0.2.0       of this tag

  -h, --help

Exit code: 0; 1 if git fails, 2 for a mistake in the command line.`

await runTool({
  command: 'npm run release-notes',
  help,
  readOptions: (args) => parseOptions(args, { positionals: true }).positionals[0],
  run,
})

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** The version tag before this commit, if there is one. */
function tagBefore(commit: string): string | undefined {
  try {
    return git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*', commit).trim()
  } catch {
    return undefined
  }
}

function commitsIn(range: string): Commit[] {
  const log = git('log', '--no-merges', '--format=%H%x1f%s%x1f%b%x1e', range)
  return log
    .split('\x1e')
    .map((entry) => entry.trim().split('\x1f'))
    .filter(([hash]) => hash !== '')
    .map(([hash = '', subject = '', body = '']) => ({ hash, subject, body }))
}

async function run(tag: string | undefined): Promise<number> {
  const last = tag ?? 'HEAD'
  const first = tagBefore(tag === undefined ? 'HEAD' : `${tag}^`)
  const version = tag?.replace(/^v/, '') ?? JSON.parse(readFileSync('package.json', 'utf8')).version
  const file = `.github/releases/${version}.md`
  const preface = existsSync(file) ? readFileSync(file, 'utf8') : ''
  process.stdout.write(releaseNotes(preface, commitsIn(first === undefined ? last : `${first}..${last}`)))
  return 0
}
