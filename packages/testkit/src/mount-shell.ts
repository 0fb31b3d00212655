import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Mount } from '@tsbuild/spec'

/** Runs a shell script (`sh -e`) with a root file system as its working directory, mounted in a mount namespace of its own by
 * util-linux, so without any of the product's code. Returns what it printed; throws with what it complained about.
 * The script may use every program of the host. Needs root. */
export async function inMount(mount: Mount, script: string): Promise<string> {
  const at = 'M=$(mktemp -d); trap "cd /; umount -l $M; rmdir $M" EXIT;'
  const commands = `${at} ${mountCommand(mount)}; cd "$M"; ( umask 022; ${script}\n)`
  const base = mount.kind === 'overlay' ? mount.base : '/'
  return await run(['unshare', '-m', '--propagation', 'private', 'sh', '-e', '-c', commands], base)
}

function mountCommand(mount: Mount): string {
  if (mount.kind === 'bind') {
    const readonly = mount.readonly ? '; mount -o remount,bind,ro "$M"' : ''
    return `mount --bind ${quote(mount.source)} "$M"${readonly}`
  }
  const options = [`lowerdir=${mount.lower.join(':')}`, 'redirect_dir=off,metacopy=off,index=off,xino=off']
  if (mount.upper !== undefined) options.push(`upperdir=${mount.upper},workdir=${mount.work}`)
  if (mount.volatile) options.push('volatile')
  // a volatile mount refuses an upper that was mounted before
  const forget = mount.work === undefined ? '' : `rm -rf ${quote(join(mount.work, 'work', 'incompat'))};`
  return `${forget} mount -t overlay overlay -o ${quote(options.join(','))} "$M"`
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

function run([program = '', ...args]: string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE: process.execPath, LC_ALL: 'C', TZ: 'UTC' },
    })
    const output: Buffer[] = []
    const errors: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(output).toString('latin1'))
      else reject(new Error(`the script ended with ${code}: ${Buffer.concat(errors).toString()}`))
    })
  })
}
