import { BadOption, decimal, oneOf, parseOptions, seed, whole } from '../../src/cli/tool-options.js'

export interface LoadOptions {
  /** Where the routes are, without a slash at the end. */
  readonly url: string
  readonly visitors: number
  /** Visitors who arrive in a second. */
  readonly rate: number
  readonly arrivals: 'poisson' | 'rush'
  /** The run ends after this time, even if visitors are still there. */
  readonly minutes: number
  /** Headers of each request; `{buyer}` stands for the visitor. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** `undefined`: each visitor wants one of those on sale. */
  readonly sku: string | undefined
  readonly quantity: number
  /** The mean time in which a visitor makes up their mind, in ms. */
  readonly thinkMs: number
  /** Visitors who may wait by event streams at a time; the others poll. */
  readonly streams: number
  readonly shares: Shares
  readonly webhook: Webhook | undefined
  readonly seed: number
  readonly out: string | undefined
}

/** Of the visitors, from 0 to 1. */
interface Shares {
  /** Lose patience while they wait, and leave the queue. */
  readonly leave: number
  /** Press Buy twice at once, and a third time after the answer. */
  readonly twice: number
  /** Of those with a basket: give it back. */
  readonly release: number
  /** Of those with a basket: go away, and let the hold run out. */
  readonly abandon: number
}

/** How a payment is reported. */
export interface Webhook {
  readonly scheme: 'standard' | 'stripe'
  readonly secret: string
}

export const help = `Sends visitors to a shop of yours that has mounted saleRoutes, such as a staging site, and checks what they are told.

  npm run load -- --url http://staging.shop.example/shop --visitors 10000 --rate 500

  --url URL         where the routes are; no other address is asked
  --visitors N      how many visitors come, 1 to 1,000,000 (1,000)
  --rate N          how many of them in a second, up to 20,000 (100)
  --arrivals HOW    poisson: independently of each other; rush: the first half ten times as fast (poisson)
  --minutes N       ends the run after this time, at most 60 (10)
  --header TEXT     a header of each request, in which {buyer} is another id for each visitor; may be given again
                    (x-user: {buyer})
  --sku NAME        what the visitors want (each one of the SKUs on sale)
  --quantity N      of it (1)
  --think SECONDS   mean time before a visitor presses Buy, pays or leaves (2)
  --streams N       visitors who may wait by event streams at a time, the others poll (1,000)
  --leave PERCENT   of the visitors lose patience and leave the queue (5)
  --twice PERCENT   press Buy twice at once, and again after the answer (10)
  --release PERCENT of the baskets are given back (5)
  --abandon PERCENT of the baskets are left without a word (15); the others are paid
  --webhook SCHEME  how payments are reported to POST /payments: standard or stripe, signed with the secret in
                    WEBHOOK_SECRET (without that variable no visitor pays)
  --seed N          of the visitors' decisions (a new one, printed)
  --out FOLDER      the folder of report.html and report.json (a new one in node_modules/.cache)
  -h, --help

No other buyer may use the sale meanwhile, its stock must not change, and no earlier hold may be left: the units
that visitors are told of are compared with the units that the shop shows. So start npm run shop with --crowd 0.
When all visitors have come, and those who are left wait for nothing but abandoned holds to expire, they leave as
"sold out". A time bound or Ctrl-C ends the run early, and the verdict is given for what was known by then. The exit
code is 0 if every rule holds, 1 if one is broken, 2 for a wrong option, 3 if the shop could not be judged.`

/** @throws {BadOption} */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv = process.env): LoadOptions {
  const { values } = parseOptions(args, {
    texts: [
      'url',
      'visitors',
      'rate',
      'arrivals',
      'minutes',
      'sku',
      'quantity',
      'think',
      'streams',
      'leave',
      'twice',
      'release',
      'abandon',
      'webhook',
      'seed',
      'out',
    ],
    lists: ['header'],
  })
  const percent = (name: 'leave' | 'twice' | 'release' | 'abandon', standard: number) =>
    whole(values, name, standard, 0, 100) / 100
  const shares = {
    ...{ leave: percent('leave', 5), twice: percent('twice', 10) },
    ...{ release: percent('release', 5), abandon: percent('abandon', 15) },
  }
  if (shares.release + shares.abandon > 1) throw new BadOption('abandon', 'and --release are 100 at most')
  const scheme = oneOf(values, 'webhook', ['standard', 'stripe'] as const)
  const secret = env.WEBHOOK_SECRET
  if (scheme !== undefined && !secret) throw new BadOption('webhook', 'needs the secret in WEBHOOK_SECRET')
  return {
    url: urlOf(values.url),
    visitors: whole(values, 'visitors', 1_000, 1, 1_000_000),
    rate: decimal(values, 'rate', 100, 0, 20_000),
    arrivals: oneOf(values, 'arrivals', ['poisson', 'rush'] as const) ?? 'poisson',
    minutes: decimal(values, 'minutes', 10, 0, 60),
    headers: (values.header ?? ['x-user: {buyer}']).map(headerOf),
    sku: values.sku,
    quantity: whole(values, 'quantity', 1, 1, 1_000),
    thinkMs: values.think === '0' ? 0 : decimal(values, 'think', 2, 0, 3_600) * 1_000,
    streams: whole(values, 'streams', 1_000, 0, 20_000),
    shares,
    webhook: secret ? { scheme: scheme ?? 'standard', secret } : undefined,
    seed: seed(values),
    out: values.out,
  }
}

/** The message does not repeat the URL, which may hold a password. */
function urlOf(url: string | undefined): string {
  if (url === undefined) throw new BadOption('url', 'is missing: the shop to which the visitors are sent')
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol) || /[?#]/.test(url))
    throw new BadOption('url', 'must be an http:// or https:// URL without a query')
  return url.replace(/\/+$/, '')
}

function headerOf(text: string): readonly [name: string, value: string] {
  const [, name, value] = /^([\w-]+):\s*(.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new BadOption('header', "must be 'name: value'")
  return [name.toLowerCase(), value]
}
