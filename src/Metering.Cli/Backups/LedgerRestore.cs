using Metering.Agent;
using Metering.Safety;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Metering.Cli.Backups;

/// <summary>Puts a backup in the place of a ledger that no service has open. The service brings an older schema up to date at its next start.</summary>
internal static class LedgerRestore
{
    /// <summary>Returns what was put aside, or null. Throws <see cref="UserErrorException"/> before anything is changed when the backup is damaged, the ledger is in use, or is there and <paramref name="replace"/> is not given.</summary>
    public static async Task<string?> RunAsync(string backup, string dataDirectory, bool replace, TimeProvider clock, CancellationToken cancel)
    {
        var manifest = await BackupManifest.ReadAsync(backup, cancel);
        var options = LedgerOptions.From(AgentConfiguration.Load(dataDirectory), dataDirectory);
        var wanted = options.IsPostgres ? BackupManifest.Postgres : BackupManifest.Sqlite;
        if (manifest.Store != wanted) throw new UserErrorException($"The backup is of {manifest.Store} and Ledger:ConnectionString names {wanted}; restore into the same kind of store.");
        Directory.CreateDirectory(dataDirectory);
        string? aside = null;
        if (options.IsPostgres) await RestorePostgresAsync(backup, options.ConnectionString, replace, cancel);
        else aside = RestoreSqlite(Path.Combine(backup, LedgerBackup.LedgerFile), Path.GetFullPath(new SqliteConnectionStringBuilder(options.ConnectionString).DataSource), replace, clock);
        foreach (var name in manifest.Files.Select(file => file.Name).Where(name => name is not (LedgerBackup.LedgerFile or LedgerBackup.DumpFile)))
        {
            if (Path.GetDirectoryName(name) is { Length: > 0 } directory) Directory.CreateDirectory(Path.Combine(dataDirectory, directory), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            LedgerBackup.Copy(backup, dataDirectory, name);
        }

        return aside;
    }

    private static string? RestoreSqlite(string copy, string file, bool replace, TimeProvider clock)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        try
        {
            // The service holds this for as long as it runs.
            using var turn = new FileStream(file + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (!replace && File.Exists(file)) throw new UserErrorException($"There is a ledger '{file}' already; give --replace to put it aside.");
            string? aside = null;
            if (File.Exists(file))
            {
                aside = $"{file}.before-{clock.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}";
                foreach (var end in (string[])["-wal", "-shm", ""])
                {
                    if (File.Exists(file + end)) File.Move(file + end, aside + end);
                }
            }

            File.Copy(copy, file + ".restoring", overwrite: true);
            File.SetUnixFileMode(file + ".restoring", UnixFileMode.UserRead | UnixFileMode.UserWrite);
            using (var stream = new FileStream(file + ".restoring", FileMode.Open, FileAccess.ReadWrite)) stream.Flush(flushToDisk: true);
            File.Move(file + ".restoring", file);
            return aside;
        }
        catch (IOException e)
        {
            throw new UserErrorException($"The ledger '{file}' is in use or its directory can not be written ({e.Message}); stop the service first.", inner: e);
        }
    }

    private static async Task RestorePostgresAsync(string backup, string connectionString, bool replace, CancellationToken cancel)
    {
        try
        {
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ToString());
            await connection.OpenAsync(cancel);
            if (await CountAsync(connection, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()", cancel) > 0)
                throw new UserErrorException("A service is still connected to the database; stop every service first.");
            if (!replace && await CountAsync(connection, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()", cancel) > 0)
                throw new UserErrorException("The database has tables already; give --replace to drop them, or name an empty one in Ledger:ConnectionString.");
            if (replace)
            {
                // All of it, and not what the backup knows: a newer schema may have more.
                await using var command = new NpgsqlCommand("DROP SCHEMA public CASCADE; CREATE SCHEMA public", connection);
                await command.ExecuteNonQueryAsync(cancel);
            }
        }
        catch (NpgsqlException e)
        {
            throw new UserErrorException($"The database can not be used ({e.Message}); check Ledger:ConnectionString, and that its user owns the database.", inner: e);
        }

        var name = new NpgsqlConnectionStringBuilder(connectionString).Database!;
        await PostgresTools.RunAsync("pg_restore", connectionString, ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", "--dbname=" + name, Path.Combine(backup, LedgerBackup.DumpFile)], cancel);
    }

    private static async Task<long> CountAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync(cancel))!;
    }
}
