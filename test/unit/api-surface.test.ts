import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Surface, surfaceOf } from '../../scripts/api/surface.js'

const cache = new URL('../../node_modules/.cache/stockhold/', import.meta.url).pathname
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(`${cache}api-`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function surface(text: string): Promise<Surface> {
  const file = `${folder}/index.d.ts`
  await writeFile(file, text)
  return surfaceOf({ shop: file })
}

const part = '/** A part. */\ninterface Part<T> { readonly of: T }\n'
const whole =
  '/** A whole. */\ninterface Whole { /** Its parts. */ readonly parts: readonly Part<string>[] }\n'

test('reports the exports of each entry point in order of their names, without comments', async () => {
  const { report, faults } = await surface(`${whole}${part}export { type Whole, type Part as Piece }`)
  expect(faults).toEqual([])
  expect(report).toBe(`## shop

\`\`\`ts
interface Part<T> {
    readonly of: T;
}
export { Part as Piece };

interface Whole {
    readonly parts: readonly Part<string>[];
}
\`\`\`
`)
})

test('complains of a type that is mentioned and not exported', async () => {
  const { faults } = await surface(`${whole}${part}export { type Whole }`)
  expect(faults).toEqual(['Whole mentions Part, which is not exported.'])
})

test('complains of an export without a comment', async () => {
  const { faults } = await surface('export interface Bare { readonly a: number }')
  expect(faults).toEqual(['Bare is exported without a comment.'])
})

test('lets a type mention what other packages and the language export', async () => {
  const { faults } = await surface(`
    import type { Redis } from 'ioredis'
    /** Both. */
    export type Both = Promise<Redis> | NodeJS.Timeout`)
  expect(faults).toEqual([])
})
