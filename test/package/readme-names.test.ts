/**
 * The chapters name what there is: methods, options, codes, keys. (Snippets and statements run, so
 * their names are right.)
 */
import ts from 'typescript'
import { expect, test } from 'vitest'
import { entryPoints } from '../../scripts/lib/entry-points.js'
import { FlashSale, memoryEngine, WaitingRoom } from '../../src/index.js'
import { groupKeys, operationsLogKeys, partitionKeys, roomKeys } from '../../src/redis-engine/keys.js'
import { chapter, chapters, root } from './chapters.js'

test('the chapter on the sale lists every method', () => {
  const methods = Object.getOwnPropertyNames(FlashSale.prototype).filter((name) => name !== 'constructor')
  const { prose } = chapter('src/sale/README.md')
  expect(methods.filter((name) => !prose.includes(`\`${name}(`))).toEqual([])
})

test('the chapter on the waiting room lists every statistic', async () => {
  const secret = 'a secret of thirty-two bytes, at least'
  const room = new WaitingRoom('room', { engine: memoryEngine(), secret, ratePerSecond: 1 })
  await room.create()
  const { prose } = chapter('src/waiting-room/README.md')
  expect(prose).toContain(`\`{ ${Object.keys(await room.stats()).join(', ')} }\``)
  await room.close()
})

test('the chapter on the Redis engine lists every key', () => {
  const { prose } = chapter('src/redis-engine/README.md')
  const section = prose.slice(prose.indexOf('## Keys'), prose.indexOf('## Durability'))
  const keys = [
    partitionKeys('prefix', 'sale', 0, 1),
    groupKeys('prefix', 'sale', 0, 1),
    roomKeys('prefix', 'room'),
    operationsLogKeys('prefix'),
  ]
  const names = keys.flat().map((key) => key.split(':').at(-1)!)
  expect(names.filter((name) => !new RegExp(`[:\`]${name}\``).test(section))).toEqual([])
})

/**
 * Properties of the exported types that users fill in, and members of the unions of strings that
 * they read.
 */
function publicNames(): { options: string[]; codes: string[] } {
  const entries = entryPoints.map((name) => `${root}src/${name}.ts`)
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
  const { options: settings } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const program = ts.createProgram(entries, settings)
  const checker = program.getTypeChecker()
  const exported = entries
    .flatMap((entry) =>
      checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!),
    )
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
  const filledIn = exported.filter(({ name }) => /(Options|Rules|Creation|Pace|Request)$/.test(name))
  const code = exported.find(({ name }) => name === 'StockholdErrorCode')!
  const members = checker.getDeclaredTypeOfSymbol(code) as ts.UnionType
  return {
    options: filledIn.flatMap((symbol) =>
      checker
        .getDeclaredTypeOfSymbol(symbol)
        .getProperties()
        .map((property) => `${symbol.name}.${property.name}`),
    ),
    codes: members.types.map((type) => (type as ts.StringLiteralType).value),
  }
}

test('the chapters name every option and every code of the public types', () => {
  const text = chapters.map((one) => one.text).join('\n')
  const { options, codes } = publicNames()
  expect(options.length).toBeGreaterThan(50)
  expect(options.filter((option) => !new RegExp(`\\b${option.split('.')[1]}\\b`).test(text))).toEqual([])
  expect(codes.length).toBeGreaterThan(10)
  expect(codes.filter((code) => !chapter('src/sale/README.md').prose.includes(`| \`${code}\` |`))).toEqual([])
})
