import { systemClock } from '../../src/platform/clock.ts'
import { Db } from '../../src/platform/database/db.ts'
import { checkEpochs } from '../database.ts'
import { openMessenger } from '../messages.ts'

/** A process that sends messages and does nothing else, until it is killed. A lease lasts half a second here. */
const db = new Db({ url: process.env['DATABASE_URL']!, poolSize: 4, checkEpochs })
const messenger = openMessenger(db, systemClock(), { times: { poll: 20, lease: 500 } })
process.once('message', () => messenger.start())
process.send!('ready')
