/**
 * What the chapters refer to is there: chapters, sections, files, npm scripts and their options,
 * also in the package as npm packs it.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parts } from '../../bench/parts.js'
import { commands as known } from '../../src/cli/commands.js'
import { parse } from '../../src/cli/parse.js'
import { wordsOf } from '../support/cli.js'
import { type Chapter, chapter, chapters, files, root } from './chapters.js'

const run = promisify(execFile)
const { scripts } = JSON.parse(await readFile(`${root}package.json`, 'utf8'))

/**
 * Every language has a test: `ts`, `cjs`, `dockerfile` and `sql` run (readme), `html` in a browser
 * (readme-page), `console` (plan-readme), `sh` here.
 */
const tested = ['ts', 'cjs', 'dockerfile', 'sql', 'html', 'console', 'sh']
/** Settings, pictures, and what is printed or computed elsewhere. */
const shown = ['text', 'yaml', 'mermaid']

/** Longer chapters begin with a table of contents. */
const LONG = 60

const headings = ({ prose }: Chapter) => [...prose.matchAll(/^(#+) (.*)$/gm)].map(([, , title]) => title!)

/** As GitHub makes anchors of headings. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

/** The targets of all links. What stands in backticks is no link. */
function linksIn({ prose }: Chapter): string[] {
  return [...prose.replace(/`[^`\n]*`/g, '').matchAll(/\[[^\]]*\]\(([^)\s]*)\)/g)].map(
    ([, target]) => target!,
  )
}

describe.each(chapters)('$path', (one) => {
  test('links to chapters and sections that are there', () => {
    const lost = linksIn(one).filter((link) => {
      const [file = '', anchor] = link.split('#')
      const path = file === '' ? one.path : posix.join(posix.dirname(one.path), file)
      if (!files.includes(path)) return true
      if (anchor === undefined) return false
      const target = chapters.find((other) => other.path === path)
      return !target || !headings(target).map(anchorOf).includes(anchor)
    })
    expect(lost).toEqual([])
  })

  test('has no two sections of one name', () => {
    const anchors = headings(one).map(anchorOf)
    expect(anchors).toEqual([...new Set(anchors)])
  })

  test('begins with a table of its sections, if it is long', () => {
    if (one.text.split('\n').length <= LONG) return
    const sections = [...one.prose.matchAll(/^## (.*)$/gm)].map(([, title]) => `#${anchorOf(title!)}`)
    const table = one.prose.slice(0, one.prose.indexOf('\n## '))
    expect(linksIn({ ...one, prose: table })).toEqual(expect.arrayContaining(sections))
  })

  test('has no block that no test runs', () => {
    const languages = one.blocks.map(({ language }) => language)
    expect(languages.filter((language) => ![...tested, ...shown].includes(language))).toEqual([])
  })

  test('names files and folders that are there', () => {
    const named = [...one.prose.matchAll(/`((?:src|test|bench|scripts|\.github)\/[\w./-]+)`/g)]
    const paths = named.map(([, path]) => path!.replace(/\/$/, ''))
    expect(paths.filter((path) => !files.includes(path))).toEqual([])
  })

  test('names npm scripts that are there', () => {
    const named = [...one.text.matchAll(/npm run (?:-s )?(\w[\w:-]*)/g)].map(([, name]) => name!)
    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })
})

describe('README.md', () => {
  test('is short, and leads to every chapter', () => {
    const readme = chapter('README.md')
    expect(readme.text.split('\n').length).toBeLessThanOrEqual(250)
    const others = chapters.map(({ path }) => path).filter((path) => path.endsWith('/README.md'))
    expect(linksIn(readme)).toEqual(expect.arrayContaining(others))
  })

  test('is packed with everything that it and the chapters link to', async () => {
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    const { stdout } = await run(npm, ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root })
    const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[]
    const linked = chapters.flatMap((one) =>
      linksIn(one)
        .map((link) => link.split('#')[0]!)
        .filter((file) => file !== '')
        .map((file) => posix.join(posix.dirname(one.path), file)),
    )
    expect(packed!.files.map(({ path }) => path)).toEqual(expect.arrayContaining([...new Set(linked)]))
  })
})

/** A line of a shell block without its comment; empty lines are left out. */
const commands = chapters
  .flatMap(({ blocks }) => blocks.filter(({ language }) => language === 'sh'))
  .flatMap(({ code }) => code.split('\n'))
  .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
  .filter((line) => line !== '')

/** `STOCKHOLD_SEED=new npm run soak -- --minutes 480`, and what stands before `--`. */
const CALL = /^(?:[A-Z_]+=\S+ )*(?:npm run (?:-s )?(\w[\w:-]*)|npm (test)|(npx stockhold))(?: (.*))?$/
const INSTALL = /^(?:npm ci|npm install (?:--save-dev )?[\w @/-]+)$/

describe('the lines for a shell', () => {
  test('are calls of npm scripts and of this package', () => {
    const calls = commands.flatMap((command) => command.split(' && '))
    expect(calls.length).toBeGreaterThan(0)
    expect(calls.filter((call) => !CALL.test(call) && !INSTALL.test(call))).toEqual([])
  })

  const calls = commands.flatMap((line) => line.split(' && '))
  const options = new Map<string, Set<string>>()
  for (const call of calls) {
    const [, script, , , rest = ''] = CALL.exec(call) ?? []
    const named = rest.match(/--[a-z][\w-]*/g) ?? []
    if (script === undefined || named.length === 0) continue
    options.set(script, new Set([...(options.get(script) ?? []), ...named]))
  }

  test.each([...options])('call %s with options that its help lists', async (script, named) => {
    const args = [...scripts[script].split(' ').slice(1), '--help']
    const { stdout } = await run(process.execPath, args, { cwd: root })
    expect([...named].filter((option) => !stdout.includes(`${option} `))).toEqual([])
  })

  test('call npx stockhold with commands and options that it has', () => {
    const lines = calls.filter((call) => call.startsWith('npx stockhold'))
    expect(lines.length).toBeGreaterThan(10)
    for (const line of lines) expect(parse(wordsOf(line).slice(2), known), line).toHaveProperty('command')
  })

  test('name every part of the benchmarks', () => {
    const { text } = chapter('bench/README.md')
    for (const { name } of parts) expect(text).toContain(name)
  })
})
