import { createHmac, randomBytes } from 'node:crypto'
import type { ServerWorker } from '../../server-worker.js'
import type { HtpasswdFile } from './htpasswd-file.js'

/** A password that was right is not hashed again for so long. */
const rememberMs = 300_000
const maxRemembered = 1000
/** What an unknown user's password is held against, so that the answer takes as long: the hash of nothing that anyone has. */
const nobody = '$2b$05$Iwx9slDRqIEJLtGsUBLsJeZrzwZGodBxrzZhWzLTwZQto.qu94vQy'

/** Checks passwords by an htpasswd file. Right ones are remembered for minutes under a keyed hash, as clients send theirs with each
 * request. */
export class Authenticator {
  readonly #file: HtpasswdFile
  readonly #worker: ServerWorker
  readonly #key = randomBytes(32)
  readonly #remembered = new Map<string, number>()

  constructor(file: HtpasswdFile, worker: ServerWorker) {
    this.#file = file
    this.#worker = worker
  }

  /** The user that an `Authorization` header stands for; `undefined` where it is absent or wrong. */
  async userOf(authorization: string | undefined): Promise<string | undefined> {
    const given = parseBasic(authorization)
    if (given === undefined) return undefined
    const { users, version } = await this.#file.read()
    const hash = users.get(given.user)
    // Looked up by a keyed hash of all of it: how long that takes says nothing of a password.
    const proof = createHmac('sha256', this.#key)
      .update(JSON.stringify([version, given.user, given.password, hash]))
      .digest('base64')
    if (hash !== undefined && (this.#remembered.get(proof) ?? 0) > Date.now()) return given.user
    const right = await this.#worker.verify(given.password, hash ?? comparable(users))
    if (!right || hash === undefined) return undefined
    this.#remember(proof)
    return given.user
  }

  #remember(proof: string): void {
    const oldest = this.#remembered.keys().next()
    if (this.#remembered.size >= maxRemembered && !oldest.done) this.#remembered.delete(oldest.value)
    this.#remembered.set(proof, Date.now() + rememberMs)
  }
}

/** Somebody's cost with nobody's hash. */
function comparable(users: ReadonlyMap<string, string>): string {
  const [first] = users.values()
  return first === undefined ? nobody : first.slice(0, 7) + nobody.slice(7)
}

function parseBasic(header: string | undefined): { readonly user: string; readonly password: string } | undefined {
  const match = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header ?? '')
  if (match === null) return undefined
  const text = Buffer.from(match[1] ?? '', 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
