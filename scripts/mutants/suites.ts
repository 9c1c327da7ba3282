import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from './catalogue.js'

/** The tests that can tell a mutant of some files from the original. */
export interface Suite {
  readonly name: string
  readonly files: readonly string[]
  /** Of their tests only those whose full name this matches. */
  readonly pattern: RegExp
}

const testsOf = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => `${folder}/${name}`)

/** These neither run a script nor a sale, or need servers with a configuration of their own. */
const apart = ['scripts', 'server-config', 'msgpack'].map((name) => `test/unit/${name}.test.ts`)

/** The suites over both engines name the engine first. */
export function suites(): Record<'lua' | 'memory' | 'sale', Suite> {
  const conformance = testsOf('test/conformance')
  const unit = testsOf('test/unit').filter((file) => !apart.includes(file))
  const property = ['examples', 'model', 'port'].map((name) => `test/property/${name}.test.ts`)
  return {
    lua: {
      name: 'lua',
      files: [...conformance, ...property, 'test/unit/client.test.ts'],
      pattern: /^(?!memory( engine)? )/,
    },
    memory: {
      name: 'memory',
      files: [...conformance, ...property, 'test/unit/memory-engine.test.ts'],
      pattern: /^(?!redis( engine)? )/,
    },
    sale: {
      name: 'sale',
      files: [...conformance, ...unit, 'test/property/batcher.test.ts', 'test/property/model.test.ts'],
      pattern: /^(?!redis engine )/,
    },
  }
}

export function suiteName(file: string): 'lua' | 'memory' | 'sale' {
  if (file.endsWith('.lua')) return 'lua'
  return file.startsWith('src/engine/memory/') ? 'memory' : 'sale'
}

/**
 * Cheapest first; what has just found another mutant of this file, or bears its name, goes as if it cost a tenth. The order saves
 * time and decides nothing: what survives has passed them all.
 */
export function inOrder(
  files: readonly string[],
  source: string,
  cost: (file: string) => number,
  killers: readonly string[],
): string[] {
  const own = basename(source).replace(/\.\w+$/, '')
  const rank = (file: string): number => {
    const promising = killers.includes(file) || basename(file) === `${own}.test.ts`
    return promising ? cost(file) / 10 : cost(file)
  }
  return files.toSorted((a, b) => rank(a) - rank(b))
}
