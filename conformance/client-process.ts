import { spawn, type ChildProcess } from 'node:child_process'

/** A client that the kit starts and ends itself. */
export interface StartableClient {
  /** Starts it with what it has stored. */
  start(base: string): void
  /** Ends it at once, as a crash does, and waits until it is gone. */
  kill(): Promise<void>
  /** The same without waiting. */
  end(): void
}

/** A client by its command. What it stores lies in `folder`. */
export function startable([command, ...args]: readonly string[], folder: string, rate: number): StartableClient {
  let child: ChildProcess | null = null
  return {
    start(base) {
      child = spawn(command!, args, {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: {
          ...process.env,
          QTABLE_URL: base,
          QTABLE_EMAIL: 'host@cedar.example',
          QTABLE_PASSWORD: 'a password of the kit',
          QTABLE_STATE: folder,
          QTABLE_RATE: String(rate),
        },
      })
      child.on('error', (error) => process.stderr.write(`The client could not be started: ${error.message}\n`))
    },
    async kill() {
      const old = child
      child = null
      if (!old || old.pid === undefined || old.exitCode !== null || old.signalCode !== null) return
      await new Promise<void>((resolve) => {
        old.once('exit', () => resolve())
        old.kill('SIGKILL')
      })
    },
    end: () => void child?.kill('SIGKILL'),
  }
}
