import { infoFields, infoVersion } from '../../../../src/redis-engine/info.js'

/** A field of the answer to INFO. */
export function infoField(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
}

/** Such as `Redis 7.0.15` or `Valkey 8.1.1`, from the section `server` of INFO. */
export function serverVersion(info: string): string {
  return infoVersion(infoFields(info))
}
