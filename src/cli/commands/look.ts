import { BadUsage, type Command, type Given } from '../command.js'
import { DONE, NO, remedyOf } from '../exit-codes.js'
import { LEDGER, LIMIT, READING } from '../options.js'
import type { Screen } from '../screen.js'
import { bySession, type Session } from '../session.js'
import { counted } from '../terminal/format.js'
import { safe } from '../terminal/safe.js'
import { moment, paintState } from '../text.js'
import { printFound, printGroups, printLog, printRoom, printSale, printSkus } from '../views.js'

const section = 'To look'

async function list({ operations }: Session) {
  const value = await operations.list()
  return {
    value,
    print: (screen: Screen) => {
      if (value.length === 0) screen.line('There is no sale and no waiting room under this prefix.')
      else
        screen.table(
          ['kind', 'id', 'state', 'partitions', 'created'],
          value.map((one) => [
            ...[one.kind, safe(one.id), one.state, one.kind === 'sale' ? one.partitions : '-'],
            moment(one.createdAt),
          ]),
          (cell, column) => (column === 2 ? paintState(screen.paint, cell) : cell),
        )
    },
  }
}

async function show({ operations, given }: Session) {
  const value = await operations.show(given.word(0))
  const print = (screen: Screen) =>
    value.kind === 'sale' ? printSale(screen, value) : printRoom(screen, value)
  return { value, print, code: remedyOf(value) === undefined ? DONE : NO }
}

function limitOf(given: Given): number {
  return given.whole('limit', 1, 10_000) ?? 100
}

async function find({ operations, given }: Session) {
  const wanted = {
    reservation: given.text('reservation'),
    buyer: given.text('buyer'),
    paymentId: given.text('payment'),
  }
  if (Object.values(wanted).filter((one) => one !== undefined).length !== 1)
    throw new BadUsage('find needs one of --reservation, --buyer, --payment')
  const target = given.words[0]
  if (target === undefined && wanted.paymentId === undefined)
    throw new BadUsage('SALE is missing: only a payment is found without it')
  const value = await operations.find(target, wanted)
  const code = value.reservations.length + value.payments.length === 0 ? NO : DONE
  return { value, code, print: (screen: Screen) => printFound(screen, value) }
}

async function refunds({ operations, given }: Session) {
  const value = await operations.refundsDue(given.word(0), { limit: limitOf(given) })
  const print = (screen: Screen) => {
    const { payments, complete, from } = value
    if (payments.length === 0) screen.line('No refund is due.')
    else
      screen.table(
        ['payment', 'reservation', 'reason', 'buyer'],
        payments.map(({ paymentId, reservationId, reason, buyer }) =>
          [paymentId, reservationId, reason, buyer].map((text) => safe(text ?? '-')),
        ),
      )
    if (!complete) screen.line(from === 'ledger' ? 'There are more: --limit N.' : NOT_ALL)
  }
  return { value, print }
}

const NOT_ALL =
  'There may be more: the sale keeps only its latest events, and --limit N is the most that are shown. A ledger has all: --postgres URL.'

async function groups({ operations, given }: Session) {
  const value = await operations.groups(given.word(0))
  return { value, print: (screen: Screen) => printGroups(screen, value) }
}

async function audit({ operations, given }: Session) {
  const value = await operations.audit(given.word(0))
  const print = (screen: Screen) => {
    printSkus(screen, value.skus)
    for (const { rule, message } of value.violations)
      screen.line(`${screen.paint('red', `${rule}:`)} ${safe(message)}`)
    const verdict = value.ok ? screen.paint('green', 'No violation') : screen.paint('red', 'Violations found')
    screen.line(
      `${verdict}: ${counted(value.reservations, 'reservation')} ${value.reservations === 1 ? 'was' : 'were'} recounted.`,
    )
  }
  return { value, print, code: value.ok ? DONE : NO }
}

async function log({ operations, given }: Session) {
  const before = given.whole('before', 1, Number.MAX_SAFE_INTEGER)
  const value = await operations.log({ limit: given.whole('limit', 1, 1_000), before })
  return { value, print: (screen: Screen) => printLog(screen, value) }
}

export const looking: readonly Command[] = [
  {
    ...{ name: 'list', section, parameters: '', options: READING },
    summary: 'all sales and waiting rooms of the prefix',
    examples: ['list --redis redis://127.0.0.1:6379', 'list --json'],
    run: bySession(list),
  },
  {
    ...{ name: 'show', section, parameters: 'ID', options: READING },
    summary: 'rules, units and consumer groups of a sale; rate and queue of a waiting room',
    details:
      'If Redis has lost it, or a part of what it had acknowledged, the command shows what is known, says what to do, and exits with 1.',
    examples: ['show launch', 'show room:launch'],
    run: bySession(show),
  },
  {
    ...{ name: 'find', section, parameters: '[SALE]' },
    summary: 'reservations by their id or buyer; a payment by its id',
    details:
      'A reservation or a buyer is looked for in the sale. A payment is looked for in the ledger, in all sales unless one is named, and also after the sale was removed.',
    options: [
      ...READING,
      { name: 'reservation', value: 'ID', help: 'a reservation' },
      { name: 'buyer', value: 'NAME', help: 'the latest 100 reservations of a buyer' },
      {
        name: 'payment',
        value: 'ID',
        argument: 'paymentId',
        help: 'a payment, and its reservation; needs --postgres',
      },
      ...LEDGER,
    ],
    examples: ['find launch --buyer ann', 'find --payment pi_1 --postgres postgres://ledger/shop'],
    run: bySession(find),
  },
  {
    ...{ name: 'refunds', section, parameters: 'SALE', options: [...READING, LIMIT, ...LEDGER] },
    summary: 'the payments that the shop must give back',
    details: 'Without a ledger they are read from the events that the sale still keeps.',
    examples: ['refunds launch', 'refunds launch --limit 1000 --json'],
    run: bySession(refunds),
  },
  {
    ...{ name: 'groups', section, parameters: 'SALE', options: READING },
    summary: 'the consumer groups of a sale, and how far they lag',
    examples: ['groups launch'],
    run: bySession(groups),
  },
  {
    ...{ name: 'audit', section, parameters: 'SALE', options: READING },
    summary: 'recounts every reservation of a sale, while it goes on',
    examples: ['audit launch'],
    run: bySession(audit),
  },
  {
    ...{ name: 'log', section, parameters: '' },
    summary: 'what operators have done, the latest first',
    details: 'The log of a prefix keeps the latest 1,000 operations, also of sales that were removed.',
    options: [
      ...READING,
      LIMIT,
      { name: 'before', value: 'NUMBER', help: 'only entries numbered below this: the next page' },
    ],
    examples: ['log', 'log --limit 20 --before 81'],
    run: bySession(log),
  },
]
