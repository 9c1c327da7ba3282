/**
 * The chapters of the documentation: every README.md of the repository, and what stands in
 * `.github`.
 */
import { readdirSync, readFileSync } from 'node:fs'

export const root = new URL('../../', import.meta.url).pathname

/** A fenced block: `ts`, `sh`, ... */
interface Block {
  readonly language: string
  readonly code: string
}

export interface Chapter {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
  /** The text without its blocks. */
  readonly prose: string
}

/**
 * Installed, built, or not of the repository. A copy that the matrix of versions makes has no
 * `.git`, so git is not asked.
 */
const foreign = ['node_modules', 'dist', '.git']
const isChapter = (path: string) => path.endsWith('README.md') || /^\.github\/.*\.md$/.test(path)

/** Every file of the repository, from its root. */
export const files: readonly string[] = readdirSync(root, { withFileTypes: true })
  .filter(({ name }) => !foreign.includes(name))
  .flatMap((entry) =>
    entry.isDirectory()
      ? readdirSync(root + entry.name, { recursive: true, encoding: 'utf8' }).map(
          (path) => `${entry.name}/${path}`,
        )
      : [entry.name],
  )

export const chapters: readonly Chapter[] = files.filter(isChapter).sort().map(read)

function read(path: string): Chapter {
  const text = readFileSync(root + path, 'utf8')
  const blocks: Block[] = []
  const prose = text.replace(/^ *```(.*)\n([\s\S]*?)^ *```$/gm, (_, language: string, code: string) => {
    blocks.push({ language, code })
    return ''
  })
  return { path, text, blocks, prose }
}

export function chapter(path: string): Chapter {
  return chapters.find((one) => one.path === path)!
}

/** The blocks of a language in a chapter, in order. */
export function blocksOf(path: string, language: string): string[] {
  return chapter(path)
    .blocks.filter((block) => block.language === language)
    .map(({ code }) => code)
}

/**
 * A snippet with other texts in place of its own: each must be there, for a snippet that was
 * rewritten would run as something else than the test says.
 */
export function swap(snippet: string, texts: Readonly<Record<string, string>>): string {
  return Object.entries(texts).reduce((code, [from, to]) => {
    if (!code.includes(from)) throw new Error(`the snippet has no ${from}:\n${code}`)
    return code.replaceAll(from, to)
  }, snippet)
}
