export const SLOTS = 16_384

/**
 * The slot of a cluster to which a key belongs: CRC-16/XMODEM of its hash tag, or of the whole key
 * if it has none.
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
 *
 * Not taken from a package, because a salt needs the sum of an unfinished tag, which no package
 * exposes.
 */
export function slotOf(key: string): number {
  const opened = key.indexOf('{')
  const closed = key.indexOf('}', opened + 1)
  const hashed = opened >= 0 && closed > opened + 1 ? key.slice(opened + 1, closed) : key
  return crc16(Buffer.from(hashed)) % SLOTS
}

/**
 * Four characters that put a text into a slot when appended to it. Always the same ones.
 *
 * A CRC is linear: the last four bytes change it in the same way whatever precedes them. So the
 * salts are computed once, one for each slot of an empty text, and no tag needs a search.
 */
export function saltFor(text: string, slot: number): string {
  salts ??= allSalts()
  const bare = crc16(Buffer.from(`${text}\0\0\0\0`)) % SLOTS
  return salts[bare ^ slot]!
}

const SALT_LENGTH = 4
let salts: string[] | undefined

/**
 * The salts by the change they make to the slot: the first salt in counting order that makes it.
 */
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
