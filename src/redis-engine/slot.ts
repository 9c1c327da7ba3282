export const SLOTS = 16_384

/**
 * The slot of a cluster in which a key lies: CRC-16/XMODEM of its hash tag, or of all of it where
 * it has none. https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
 *
 * A few lines of our own, since a salt needs the sum of an unfinished tag, which no package gives
 * out.
 */
export function slotOf(key: string): number {
  const opened = key.indexOf('{')
  const closed = key.indexOf('}', opened + 1)
  const hashed = opened >= 0 && closed > opened + 1 ? key.slice(opened + 1, closed) : key
  return crc16(Buffer.from(hashed)) % SLOTS
}

/**
 * Four characters that bring a text into a slot, when they are put behind it. Always the same ones.
 *
 * A CRC is linear: what the last four bytes do to it is the same whatever stands before them. So
 * the salts are worked out once, one for each slot of an empty text, and there is no searching per
 * tag.
 */
export function saltFor(text: string, slot: number): string {
  salts ??= allSalts()
  const bare = crc16(Buffer.from(`${text}\0\0\0\0`)) % SLOTS
  return salts[bare ^ slot]!
}

const SALT_LENGTH = 4
let salts: string[] | undefined

/** By what they change in the slot: the first salt in counting order that does. */
function allSalts(): string[] {
  const found: string[] = new Array(SLOTS)
  const salt = Buffer.alloc(SALT_LENGTH)
  for (let left = SLOTS, count = 0; left > 0; count++) {
    salt.write(count.toString(36).padStart(SALT_LENGTH, '0'))
    const slot = crc16(salt) % SLOTS
    if (found[slot] !== undefined) continue
    found[slot] = salt.toString()
    left--
  }
  return found
}

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)
  return crc
})

function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte]!
  return crc
}
