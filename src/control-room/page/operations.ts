/** A field of the dialog of an operation. */
export interface Field {
  /** The name of the argument. */
  readonly name: string
  readonly label: string
  readonly kind: 'text' | 'whole' | 'number' | 'choice' | 'check' | 'moment'
  /** Of a choice: value and label. */
  readonly choices?: readonly (readonly [value: string, label: string])[]
  readonly hint?: string
  /** An empty field is left out. */
  readonly isOptional?: boolean
  readonly value?: string
}

/** An operation as the dialog asks for it. */
export interface Form {
  readonly operation: string
  /** On the button. */
  readonly label: string
  readonly explains: string
  readonly fields: readonly Field[]
  /** It cannot be undone. */
  readonly isFinal?: boolean
  /** A repeated request must do nothing twice. */
  readonly isKeyed?: boolean
  /** It changes nothing: every viewer may ask it, and gives no reason. */
  readonly isQuestion?: boolean
  /** The sale is frozen. */
  readonly isOfFrozen?: boolean
  readonly fixed?: Readonly<Record<string, unknown>>
  /** The arguments, by what was filled in. @default the same */
  readonly argumentsOf?: (values: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>
}

const sku = (name: string, label: string, skus: readonly string[]): Field => ({
  ...{ name, label, kind: 'choice' },
  choices: skus.map((one) => [one, one]),
})
const units = (name: string, label: string, hint?: string): Field => ({
  ...{ name, label, kind: 'whole' },
  ...(hint !== undefined && { hint }),
})

export interface SaleFacts {
  readonly state: string
  readonly skus: readonly string[]
  readonly hasLedger: boolean
  /** How many processes are present. */
  readonly processes: number
}

const PAUSE_SALE = 'New reservations are refused. Buyers can still pay for what they hold.'
const PAUSE_FROZEN = 'The sale is still paused when a recovery has ended the freeze.'
const END = 'Ends the sale for ever. Buyers can still pay for what they hold.'
const fromLedger = 'From the ledger: with every order that it has. '
const recoverText = (hasLedger: boolean) =>
  `Ends the freeze. ${hasLedger ? fromLedger : ''}Replay: with what the processes that sell have acknowledged. Accept: what Redis has lost stays lost.`
/** How long a replay waits for the processes. */
const REPLAY_MS = 30_000

const FIND: Form = {
  ...{ operation: 'find', label: 'Find', isQuestion: true },
  explains: 'Looks for a reservation, or for the latest 100 of a buyer. Payments need the ledger.',
  fields: [
    {
      ...{ name: 'by', label: 'Look for', kind: 'choice' },
      choices: [
        ['buyer', 'a buyer'],
        ['reservation', 'a reservation'],
        ['paymentId', 'a payment'],
      ],
    },
    { name: 'value', label: 'Id', kind: 'text' },
  ],
  argumentsOf: ({ by, value }) => ({ [String(by)]: value }),
}

/** What can be done to a sale now. */
export function saleForms({ state, skus, hasLedger, processes }: SaleFacts): readonly Form[] {
  const isFrozen = state === 'frozen' || state === 'lost'
  const forms: Form[] = []
  if (isFrozen) {
    const choices = [
      ...(hasLedger ? [['ledger', 'from the ledger'] as const] : []),
      ['replay', 'replay what the processes know'] as const,
      ['accept', 'accept what is left'] as const,
    ]
    forms.push({
      ...{ operation: 'recover', label: 'Recover', explains: recoverText(hasLedger), isFinal: true },
      fields: [
        { name: 'from', label: 'How', kind: 'choice', choices },
        {
          ...{ name: 'waitFor', label: 'Processes that must answer', kind: 'whole' },
          ...{ value: String(Math.max(1, processes)), hint: 'All that have the sale open, for at most 30 s' },
        },
        { name: 'paused', label: 'Pause the sale before it could sell', kind: 'check' },
      ],
      // Of a lost sale only the processes that have it open know what it was.
      argumentsOf: ({ from, waitFor, paused }) =>
        from === 'replay' || (from === 'accept' && state === 'lost' && processes > 0)
          ? { from, paused, everywhere: { waitFor, timeoutMs: REPLAY_MS } }
          : { from, paused },
    })
    if (state === 'frozen')
      forms.push({
        ...{ operation: 'pause', label: 'Pause', explains: PAUSE_FROZEN, fields: [], isOfFrozen: true },
      })
    return forms
  }
  if (state === 'paused')
    forms.push({ operation: 'resume', label: 'Resume', explains: 'Buyers can reserve again.', fields: [] })
  else if (state !== 'ended')
    forms.push({ operation: 'pause', label: 'Pause', explains: PAUSE_SALE, fields: [] })
  forms.push(
    {
      ...{ operation: 'restock', label: 'Restock', isKeyed: true },
      explains: 'Adds units to a SKU. A negative number removes units that are available.',
      fields: [sku('sku', 'SKU', skus), units('quantity', 'Units to add')],
    },
    {
      ...{ operation: 'set-total', label: 'Set total', isKeyed: true },
      explains: 'The total of a SKU as it was counted, units that are confirmed included.',
      fields: [sku('sku', 'SKU', skus), units('total', 'Total')],
    },
  )
  if (skus.length > 1)
    forms.push({
      ...{ operation: 'move', label: 'Move units', isKeyed: true },
      explains: 'Moves units that are available from one SKU to another.',
      fields: [sku('from', 'From', skus), sku('to', 'To', [...skus].reverse()), units('quantity', 'Units')],
    })
  forms.push(
    {
      ...{ operation: 'update', label: 'Change rules' },
      explains: 'Every process obeys the change with its next call. A field that is empty stays as it is.',
      fields: [
        { name: 'opensAt', label: 'Opens at', kind: 'moment', isOptional: true },
        { name: 'closesAt', label: 'Closes at', kind: 'moment', isOptional: true },
        { name: 'limitPerBuyer', label: 'Units per buyer', kind: 'whole', isOptional: true },
        { name: 'holdMs', label: 'Hold, in ms', kind: 'whole', isOptional: true },
      ],
    },
    FIND,
    {
      ...{ operation: 'audit', label: 'Audit', isQuestion: true, fields: [] },
      explains: 'Counts every reservation, and compares the sum with the counters.',
    },
  )
  if (hasLedger)
    forms.push({
      ...{ operation: 'reconcile', label: 'Reconcile' },
      explains: 'Compares the sale with the ledger.',
      fields: [{ name: 'repair', label: 'Update rows of the ledger that differ', kind: 'check' }],
    })
  else
    forms.push({
      ...{ operation: 'refunds', label: 'Refunds due', isQuestion: true, fields: [] },
      explains: 'Reads the payments that the shop must give back from the events that the sale keeps.',
    })
  if (state !== 'ended')
    forms.push({ operation: 'end', label: 'End', explains: END, fields: [], isFinal: true })
  else
    forms.push({
      ...{ operation: 'destroy', label: 'Destroy', isFinal: true },
      explains: 'Removes the ended sale from Redis, with its reservations and events.',
      fields: [{ name: 'force', label: 'Also while units are held or consumers are behind', kind: 'check' }],
    })
  return forms
}

/** What can be done to a waiting room now. */
export function roomForms(state: string, ratePerSecond: number): readonly Form[] {
  const buyer: Field = { name: 'buyer', label: 'Buyer', kind: 'text' }
  const pausing: Form =
    state === 'paused'
      ? { operation: 'resume', label: 'Resume', explains: 'The room admits visitors again.', fields: [] }
      : {
          ...{ operation: 'pause', label: 'Pause', fields: [] },
          explains: 'The room admits no visitor. Passes that were given stay valid.',
        }
  return [
    pausing,
    {
      ...{ operation: 'rate', label: 'Change rate' },
      explains: 'How many visitors a second the room admits. With 0 it admits none.',
      fields: [
        { name: 'perSecond', label: 'Visitors a second', kind: 'number', value: String(ratePerSecond) },
        { name: 'burst', label: 'Burst', kind: 'whole', isOptional: true, hint: 'Empty: it stays' },
      ],
    },
    {
      ...{ operation: 'block', label: 'Block a buyer', fields: [buyer] },
      explains: 'Takes the position or the pass of a buyer back, and refuses every further join.',
    },
    {
      ...{ operation: 'unblock', label: 'Unblock a buyer', fields: [buyer] },
      explains: 'The buyer may join again.',
    },
  ]
}

/** What can be done to the dead letters of a group. */
export function deadLetterForms(group: string): readonly Form[] {
  const fixed = { group, ids: 'all' }
  return [
    {
      ...{ operation: 'dead-letters', label: `Show dead letters of ${group}`, isQuestion: true, fields: [] },
      ...{ explains: `The dead letters of the group ${group}.`, fixed: { group } },
    },
    {
      ...{ operation: 'dead-letters-retry', label: `Retry dead letters of ${group}`, fields: [], fixed },
      explains: `Every dead letter of the group ${group} is handled again.`,
    },
    {
      ...{
        operation: 'dead-letters-discard',
        label: `Discard dead letters of ${group}`,
        fields: [],
        fixed,
        isFinal: true,
      },
      explains: `Every dead letter of the group ${group} is deleted: its event is never handled.`,
    },
  ]
}
