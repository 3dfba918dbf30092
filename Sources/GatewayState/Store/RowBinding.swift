import GRDB
import GRDBSQLite

/// Values for one run of a statement, in the order of its places. GRDB boxes and checks each value, which costs a row
/// that every model call writes more than SQLite itself does; this goes to SQLite directly. Safe: it lives no longer
/// than the transaction, and GRDB keeps the statement as long as the connection.
@safe struct RowBinding {
    private let statement: SQLiteStatement
    private var place: CInt = 0
    private var code = SQLITE_OK

    /// SQLite copies the text before the call returns. Safe: a constant, never called.
    nonisolated(unsafe) private static let copies = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    init(_ statement: Statement) {
        unsafe self.statement = statement.sqliteStatement
        unsafe sqlite3_reset(self.statement)
    }

    mutating func add(_ texts: [String]) {
        for var text in texts {
            place += 1
            // Safe: the bytes are read during the call only.
            let result = unsafe text.withUTF8 { [statement, place] bytes in
                let start = unsafe UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
                return unsafe sqlite3_bind_text(statement, place, start, CInt(bytes.count), RowBinding.copies)
            }
            note(result)
        }
    }

    /// nil is NULL.
    mutating func add(_ numbers: [Int?]) {
        for number in numbers {
            place += 1
            if let number {
                note(unsafe sqlite3_bind_int64(statement, place, Int64(number)))
            } else {
                note(unsafe sqlite3_bind_null(statement, place))
            }
        }
    }

    private mutating func note(_ result: CInt) {
        if code == SQLITE_OK { code = result }
    }

    /// Runs the statement, which must give no rows.
    mutating func execute(_ database: Database) throws {
        if code == SQLITE_OK {
            let result = unsafe sqlite3_step(statement)
            if result != SQLITE_DONE { code = result }
        }
        // Read before the reset, which clears it.
        let message = code == SQLITE_OK ? nil : database.lastErrorMessage
        unsafe sqlite3_reset(statement)
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message) }
    }
}
