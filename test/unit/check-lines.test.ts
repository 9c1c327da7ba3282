import { describe, expect, test } from 'vitest'
import { lineFaults } from '../../scripts/check/lines.js'

const words = 'word '.repeat(20)

describe('the check of lines', () => {
  test('refuses a file of src with more than 350 lines, and no other', () => {
    const text = 'x\n'.repeat(351)
    expect(lineFaults('src/sale/a.ts', text)).toEqual([
      'src/sale/a.ts: has 351 lines, and a file of src has at most 350.',
    ])
    expect(lineFaults('src/sale/a.ts', 'x\n'.repeat(350))).toEqual([])
    expect(lineFaults('test/a.ts', text)).toEqual([])
  })

  test.each([
    ['a.ts', `// ${words}`],
    ['a.ts', ` * ${words}`],
    ['a.mjs', `  /** ${words}*/`],
    ['a.lua', `  -- ${words}`],
  ])('refuses a comment of more than 100 columns in %s: %s', (file, line) => {
    expect(lineFaults(file, `\n${line}\n`)).toEqual([`${file}:2: wrap comments at 100 columns.`])
    expect(lineFaults(file, line.slice(0, 100))).toEqual([])
  })

  test.each([
    ['code', `const a = '${words}'`],
    ['an option in a help text', `  --option ${words}`],
    ['a directive', `// biome-ignore lint: ${words}`],
    ['a row of a table', ` * | ${words} |`],
    ['a word that is longer by itself', ` * https://${'a'.repeat(100)}`],
  ])('lets %s be', (_, line) => {
    expect(lineFaults('src/a.ts', line)).toEqual([])
  })
})
