import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const lifeMs = 300_000

/** Who a token stands for: a user, or nobody in particular. */
export interface Bearer {
  readonly user?: string
}

/** Tokens of this process, good for minutes. Clients that send no password unless they are asked need them, where some requests need
 * a password and others do not. */
export class Tokens {
  readonly #key = randomBytes(32)

  /** The answer of a token endpoint (distribution's token specification). */
  issue(bearer: Bearer): string {
    const now = Date.now()
    const claims = Buffer.from(JSON.stringify({ ...bearer, until: now + lifeMs })).toString('base64url')
    const token = `${claims}.${this.#sign(claims).toString('base64url')}`
    const issued = new Date(now).toISOString()
    return JSON.stringify({ token, access_token: token, expires_in: lifeMs / 1000, issued_at: issued })
  }

  /** `undefined` for a token that is not ours, or not any more. */
  read(token: string): Bearer | undefined {
    const [claims = '', signature = ''] = token.split('.')
    const given = Buffer.from(signature, 'base64url')
    const right = this.#sign(claims)
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
    const { until, user } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Bearer & { until: number }
    if (until <= Date.now()) return undefined
    return user === undefined ? {} : { user }
  }

  #sign(claims: string): Buffer {
    return createHmac('sha256', this.#key).update(claims).digest()
  }
}
