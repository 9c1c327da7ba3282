import { bar } from '../../../src/cli/terminal/charts.js'
import { count, counted, seconds } from '../../../src/cli/terminal/format.js'
import type { Terminal } from '../../../src/cli/terminal/style.js'
import { FlashSale } from '../../../src/index.js'
import { LivePanel, type View } from '../../lib/terminal/live-panel.js'
import type { OrdersOptions } from '../options.js'
import { type Store, title } from '../store.js'
import { expectedOutcome } from './expected.js'
import { differences } from './outcome.js'
import type { OrderFile } from './read.js'
import { brokenLines, introduction, report } from './report.js'
import { Shop, stockFor } from './shop.js'

/**
 * Replays a file of orders, and compares the result with plain arithmetic. Answers whether they
 * agree.
 */
export async function replay(
  options: OrdersOptions,
  file: OrderFile,
  store: Store,
  terminal: Terminal,
): Promise<boolean> {
  const header = [
    ...title(store, terminal.paint),
    ...introduction(options, file),
    ...brokenLines(file, options.maxErrors),
  ]
  const sale = new FlashSale('orders', { engine: store.engine, deadlineMs: 20_000 })
  await sale.create({ stock: stockFor(file.lines, options.stockShare) })
  const shop = new Shop(sale, file.lines)
  const startedAt = performance.now()
  const panel = new LivePanel(new Orders(shop, terminal), header, terminal, process.stdout)
  panel.start()
  try {
    await shop.run()
  } finally {
    panel.stop()
  }
  const elapsedMs = performance.now() - startedAt

  const actual = await shop.outcome()
  const found = differences(expectedOutcome(file.lines, options.stockShare), actual)
  const audit = await sale.audit()
  const { lines } = file
  console.log(
    `\n${report({ lines, tally: shop.tally, actual, found, audit, elapsedMs }, terminal, process.stdout.columns).join('\n')}`,
  )
  await sale.close()
  return found.length === 0 && audit.ok
}

class Orders implements View {
  readonly #shop: Shop
  readonly #terminal: Terminal
  readonly #startedAt = performance.now()

  constructor(shop: Shop, terminal: Terminal) {
    this.#shop = shop
    this.#terminal = terminal
  }

  panel(width: number): string[] {
    const { done, size, tally } = this.#shop
    const { paint } = this.#terminal
    const label = ` ${count(done)} of ${counted(size, 'order')}`
    return [
      paint('green', bar(done / size, width - label.length)) + paint('bold', label),
      `accepted ${count(tally.accepted)}  sold out ${count(tally.soldOut)}  cancelled ${count(tally.refunded)}  ${seconds(performance.now() - this.#startedAt)}`,
    ]
  }

  line(): string {
    const { done, size, tally } = this.#shop
    return `${seconds(performance.now() - this.#startedAt).padStart(7)}  ${count(done)} of ${counted(size, 'order')}  ${count(tally.accepted)} accepted  ${count(tally.soldOut)} sold out`
  }
}
