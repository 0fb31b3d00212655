import { isIP } from 'node:net'
import { badFlag } from './errors.js'

/** Parses `--listen`: `127.0.0.1:5000`, `localhost:5000`, `[::1]:5000`, `:5000` (every address of this machine).
 * @throws {CliError} `ARGUMENT_INVALID` */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  const port = Number(digits)
  const usable = bracketed === undefined ? /^[A-Za-z0-9.-]*$/.test(host) : isIP(bracketed) === 6
  if (digits === undefined || !usable)
    throw badFlag('--listen', text, 'it is not ADDRESS:PORT', 'Example: 127.0.0.1:5000')
  if (port > 65_535) throw badFlag('--listen', text, 'the port is above 65535')
  return { host: host === '' ? '::' : host, port }
}

/** A line about what is open to other machines; empty where nothing is. */
export function exposureWarning(
  host: string,
  { encrypted, guarded }: { readonly encrypted: boolean; readonly guarded: boolean },
): string {
  const lacks = [...(encrypted ? [] : ['encryption (--tls-cert)']), ...(guarded ? [] : ['passwords (--htpasswd)'])]
  if (isLoopback(host) || lacks.length === 0) return ''
  return `WARNING: other machines reach this registry without ${lacks.join(' and ')}\n`
}

/** Whether only this machine reaches the address. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}
