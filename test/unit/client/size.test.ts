/** What a page loads of the client. */
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

test('the client is at most 3 kB, minified and compressed, and imports nothing', async () => {
  const root = new URL('../../../', import.meta.url).pathname
  const { outputFiles, metafile } = await build({
    entryPoints: [`${root}src/client.ts`],
    bundle: true,
    minify: true,
    format: 'esm',
    // Refuses what only Node has.
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
  })
  const { contents } = outputFiles[0]!
  expect(gzipSync(contents).byteLength).toBeLessThanOrEqual(3_072)
  expect(brotliCompressSync(contents).byteLength).toBeLessThanOrEqual(3_072)
  const foreign = Object.keys(metafile.inputs).filter((file) => !/src\/client(\/|\.ts$)/.test(file))
  expect(foreign).toEqual([])
})
