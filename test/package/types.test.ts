import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { build, type Options } from 'tsup'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packaging from '../../scripts/tsup.config.js'
import { blocksOf, chapters, root } from './chapters.js'

/**
 * Below the repository's own packages, so that the types of ioredis, pg and fast-check are found as
 * at a user's.
 */
const folder = `${root}node_modules/.cache/stockhold/types-${process.pid}`
const built = `${folder}/node_modules/stockhold`

/** A service that uses every entry point, with the words that its author would use. */
const service = `
import { Cluster, Redis } from 'ioredis'
import pg from 'pg'
import fc from 'fast-check'
import {
  type Acknowledged, type AcknowledgedState, type CallMessage, type Clock, type EventSource, FlashSale, type Ledger, type LedgerRecord,
  type LedgerWriter, type LogOffset, memoryEngine, type RecoverySource, type Reservation, redisEngine, StockholdError,
  type StoredReservation, type StoredSaleRules, WaitingRoom,
} from 'stockhold'
import type { IncomingMessage } from 'node:http'
import Fastify from 'fastify'
import { saleRoutes as expressRoutes } from 'stockhold/express'
import { saleRoutes as fastifyRoutes } from 'stockhold/fastify'
import { saleRoutes, type SaleView, standardWebhook } from 'stockhold/http'
import { type Instrumentation, type InstrumentOptions, instrument } from 'stockhold/otel'
import { postgresLedger } from 'stockhold/postgres'
import { checkNoOversell, faultyRedis, storyArbitrary, virtualEngine } from 'stockhold/testing'

const engines = [
  redisEngine(new Redis()),
  redisEngine(new Cluster([]), { durability: { replicas: 1, timeoutMs: 100 } }),
  redisEngine('redis://127.0.0.1:6379', { prefix: 'shop' }),
  memoryEngine(),
  virtualEngine().engine,
]
const ledger = postgresLedger(new pg.Pool())
export const sales = engines.map((engine) => new FlashSale('sale', { engine }))
export const rooms = engines.map((engine) => new WaitingRoom('room', { engine, ratePerSecond: 100, secret: 's'.repeat(32) }))
export async function enter(room: WaitingRoom): Promise<string> {
  await room.create({ tiers: ['members', 'public'], opensAt: undefined })
  const { revision, replayed }: { revision: number; replayed: boolean } = await room.update({ opensAt: null, tiers: undefined })
  const [tier] = (await room.stats()).tiers
  return [(await room.join('u-1', { tier: tier?.tier })).status, revision, replayed].join(' ')
}

export async function buy(sale: FlashSale): Promise<Reservation | string> {
  const answer = await sale.reserve({ buyer: 'u-1', key: 'k-1', items: [{ sku: 'phone', quantity: 1 }] })
  if (answer.status !== 'reserved') return answer.status
  const stop = await ledger.follow(sale)
  await stop.close()
  return answer.reservation
}

export const stories = storyArbitrary(fc)
export const isOurs = (error: unknown): error is StockholdError => error instanceof StockholdError
export const checked = () => checkNoOversell(() => memoryEngine(), { runs: 1 })
export const proxy = () => faultyRedis('redis://127.0.0.1:6379', { seed: 1 })

/** A ledger of the service's own: as much of one as its types ask for. */
class OwnLedger implements Ledger {
  readonly #rules = new Map<string, StoredSaleRules>()
  readonly #rows = new Map<string, StoredReservation>()
  readonly #written: LogOffset[] = []

  attach(source: EventSource): LedgerWriter {
    const { clock, sale }: { clock: Clock; sale: string } = source
    const copy = async (partition: number): Promise<void> => {
      this.#rules.set(sale, (await source.describe()).rules)
      const page = await source.read(partition, this.#written[partition]?.sequence ?? 0)
      for (const reservation of page.reservations) this.#rows.set(reservation.id, reservation)
      const sequence = page.events.at(-1)?.sequence ?? 0
      this.#written[partition] = { generation: page.generation, sequence, batchId: '' }
      await source.checkpoint(partition, 'own-ledger', sequence, null)
    }
    const hasWritten = (partition: number, { sequence }: LogOffset) => (this.#written[partition]?.sequence ?? 0) >= sequence
    return {
      ready: async () => {},
      hasWritten,
      async waitUntilWritten(partition, offset, deadline, signal) {
        while (!hasWritten(partition, offset)) {
          if (signal?.aborted || clock.now() > deadline) throw new StockholdError('UNKNOWN_OUTCOME', 'not written in time')
          await copy(partition)
        }
      },
    }
  }

  async loadForRecovery(sale: string): Promise<LedgerRecord | undefined> {
    const rules = this.#rules.get(sale)
    if (!rules) return undefined
    const all = [...this.#rows.values()].map((reservation): Acknowledged => ({ reservation, refundDue: null, restocked: false }))
    const recovery: RecoverySource = {
      restocks: [],
      moves: [],
      counts: [],
      state: 'open',
      async *furtherPayments() {},
      async *reservations(kind: AcknowledgedState, now: number) {
        yield all.filter(({ reservation: { state, expiresAt } }) =>
          kind === (state === 'confirmed' || (state === 'held' && expiresAt > now) ? state : 'over'))
      },
    }
    return { rules, incarnation: '', lastSeen: this.#written, recoverySource: async () => recovery }
  }
}
interface Session extends IncomingMessage {
  user?: { id: string }
}
export const routes = [
  saleRoutes({ sale: sales[0]!, identify: async ({ headers }) => headers.get('user') ?? undefined }),
  expressRoutes({ sale: sales[0]!, identify: ({ user }: Session) => user && { buyer: user.id } }),
]
export const app = Fastify().register(
  fastifyRoutes({
    sale: sales[0]!,
    allow: ({ buyer, sku, request }) => buyer !== undefined && sku !== 'staff' && request.ip !== '',
    identify: ({ headers }) => headers['x-user']?.toString(),
    webhook: standardWebhook<{ id: string }>({ secret: 's', read: ({ id }) => ({ reservationId: id, paymentId: id }) }),
  }),
  { prefix: '/shop' },
)
const observed: InstrumentOptions = { engine: engines[0], maxNames: 50, traces: undefined }
export const telemetry: Instrumentation = instrument(observed)
export const told = ({ command, status, code }: CallMessage) => [command, status ?? code].join(' ')
export const unitsLeft = ({ skus }: SaleView) => skus.map(({ available }) => available)
const durability = { ledger: new OwnLedger() }
export const kept = new FlashSale('sale', { engine: memoryEngine(), durability })
// @ts-expect-error: only what this package has made is an engine.
export const wrong = new FlashSale('sale', { engine: new Redis() })
`

/** A page that uses the client. */
const page = `
import { type Answer, type SaleClient, saleClient, type SaleView, type WaitEnd } from 'stockhold/client'

const leaving = new AbortController()
export const shop: SaleClient = saleClient({ url: '/shop', onRetrying: (is) => void (document.title = is ? '...' : '') })
export const told = (held: Answer<'reserve'>): string => {
  if (held.code === undefined) return held.id
  // @ts-expect-error: a reservation is not refused by this code.
  if (held.code === 'TICKET_INVALID') return ''
  return held.code === 'sold_out' ? 'none left' : held.title
}
export const watching = shop.watch({ onSale: (sale: SaleView) => console.log(sale.skus[0]?.available), signal: leaving.signal })
export const ended = ({ code, ...end }: WaitEnd) => code ?? ('reason' in end ? end.reason : end.status)
`

const snippets = chapters.flatMap(({ path }) =>
  blocksOf(path, 'ts').map((code, index) => ({ file: `${path.replaceAll('/', '-')}-${index + 1}.ts`, code })),
)

beforeAll(async () => {
  await mkdir(built, { recursive: true })
  const { dts, ...packed } = packaging as Options
  const typesAlone = { ...(dts as object), only: true }
  await build({ ...packed, dts: typesAlone, outDir: `${built}/dist`, config: false, silent: true })
  await copyFile(`${root}package.json`, `${built}/package.json`)
  await writeFile(`${folder}/package.json`, JSON.stringify({ type: 'module' }))
  await writeFile(`${folder}/service.ts`, service)
  await writeFile(`${folder}/page.ts`, page)
  for (const { file, code } of snippets) await writeFile(`${folder}/${file}`, code)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** As strict as a user's project may be, the types of the packages included. */
const strictest = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: false,
  noEmit: true,
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
}

/** What was parsed for one check is there for the next: a third of the work. */
const parsed = new Map<string, ts.SourceFile>()

/** What the type checker says: nothing, if all is well. */
function complaints(compilerOptions: object, files = ['service.ts']): string {
  const { options, errors } = ts.convertCompilerOptionsFromJson(compilerOptions, folder)
  const host = ts.createCompilerHost(options)
  const parse = host.getSourceFile
  host.getSourceFile = (file, how, ...more) => {
    const { languageVersion, impliedNodeFormat, jsDocParsingMode } = how as ts.CreateSourceFileOptions
    const key = [file, languageVersion, impliedNodeFormat, jsDocParsingMode].join()
    if (!parsed.has(key)) parsed.set(key, parse(file, how, ...more)!)
    return parsed.get(key)
  }
  const program = ts.createProgram(
    files.map((file) => `${folder}/${file}`),
    options,
    host,
  )
  return ts.formatDiagnostics([...errors, ...ts.getPreEmitDiagnostics(program)], {
    getCanonicalFileName: (file) => file,
    getCurrentDirectory: () => folder,
    getNewLine: () => '\n',
  })
}

describe('the built types', () => {
  test.each([
    { module: 'nodenext', moduleResolution: 'nodenext' },
    { module: 'preserve', moduleResolution: 'bundler' },
  ])('pass the strictest type checker under moduleResolution $moduleResolution', (options) => {
    expect(complaints({ ...strictest, ...options })).toBe('')
  })

  test('of the client need the types of a browser, and none of Node', () => {
    const browser = { module: 'preserve', moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [] }
    expect(complaints({ ...strictest, ...browser }, ['page.ts'])).toBe('')
  })

  test('are those that the snippets of the chapters use', () => {
    expect(snippets.length).toBeGreaterThan(0)
    const { compilerOptions } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile).config
    const files = snippets.map(({ file }) => file)
    expect(complaints(compilerOptions, files)).toBe('')
  })

  test('take `undefined` for every optional property, as `exactOptionalPropertyTypes` asks for it', async () => {
    const files = (await readdir(`${built}/dist`)).filter((name) => name.endsWith('.d.ts'))
    expect(files).toEqual(expect.arrayContaining(['index.d.ts', 'postgres.d.ts', 'testing.d.ts']))
    const texts = await Promise.all(files.map((name) => readFile(`${built}/dist/${name}`, 'utf8')))
    const found = texts.flatMap((text) =>
      optionalMembers(ts.createSourceFile('', text, ts.ScriptTarget.Latest, true)),
    )
    expect(found.length).toBeGreaterThan(50)
    expect(found.filter((member) => !takesUndefined(member)).map((member) => member.getText())).toEqual([])
  })
})

type Member = ts.PropertySignature | ts.PropertyDeclaration | ts.MethodSignature | ts.MethodDeclaration

function optionalMembers(node: ts.Node): Member[] {
  const isMember =
    ts.isPropertySignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isMethodSignature(node) ||
    ts.isMethodDeclaration(node)
  const below: Member[] = []
  ts.forEachChild(node, (child) => void below.push(...optionalMembers(child)))
  return isMember && node.questionToken ? [node, ...below] : below
}

/** An optional method never does: it has to be a property. */
function takesUndefined(member: Member): boolean {
  if (ts.isMethodSignature(member) || ts.isMethodDeclaration(member)) return false
  const { type } = member
  const parts = type && ts.isUnionTypeNode(type) ? type.types : [type]
  const wide = [ts.SyntaxKind.UndefinedKeyword, ts.SyntaxKind.UnknownKeyword, ts.SyntaxKind.AnyKeyword]
  return parts.some((part) => part && wide.includes(part.kind))
}
