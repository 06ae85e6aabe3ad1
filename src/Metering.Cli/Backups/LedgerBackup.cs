using Metering.Agent;
using Metering.Safety;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;

namespace Metering.Cli.Backups;

/// <summary>
/// Copies a ledger, and what a service keeps beside it, while the service runs. Agents' journals are left out on purpose: one that was put back would number batches a second time (a fork);
/// what the ledger lacks after a restore, agents send again as far back as <c>Journal:Keep</c>.
/// </summary>
internal static class LedgerBackup
{
    public const string LedgerFile = "ledger.db", DumpFile = "ledger.dump";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly string[] Beside = ["admin.key", "appsettings.json", "web-keys"];

    /// <summary>Makes the directory, which must not be there yet. Throws <see cref="UserErrorException"/>; nothing is left then.</summary>
    public static async Task<BackupManifest> MakeAsync(string dataDirectory, string target, TimeProvider clock, CancellationToken cancel)
    {
        if (Path.Exists(target)) throw new UserErrorException($"'{target}' is there already; give a directory that is not.");
        var options = LedgerOptions.From(AgentConfiguration.Load(dataDirectory), dataDirectory);
        var partial = target.TrimEnd('/') + ".partial";
        if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
        Directory.CreateDirectory(partial, OwnerOnly);
        try
        {
            var began = clock.GetUtcNow();
            var names = new List<string> { options.IsPostgres ? DumpFile : LedgerFile };
            if (options.IsPostgres) await PostgresTools.RunAsync("pg_dump", options.ConnectionString, ["--format=custom", "--no-owner", "--no-privileges", "--file=" + Path.Combine(partial, DumpFile)], cancel);
            else CopySqlite(new SqliteConnectionStringBuilder(options.ConnectionString).DataSource, Path.Combine(partial, LedgerFile));
            foreach (var name in Beside.Where(name => Path.Exists(Path.Combine(dataDirectory, name)))) names.AddRange(Copy(dataDirectory, partial, name));
            var entries = new List<BackupManifest.Entry>();
            foreach (var name in names)
            {
                Flush(Path.Combine(partial, name));
                entries.Add(await BackupManifest.EntryAsync(partial, name, cancel));
            }

            var manifest = new BackupManifest(BackupManifest.Newest, began, options.IsPostgres ? BackupManifest.Postgres : BackupManifest.Sqlite, entries);
            await manifest.WriteAsync(partial, cancel);
            Directory.Move(partial, target);
            return manifest;
        }
        finally
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
        }
    }

    /// <summary>Copies a file, or the files of a directory, and returns their names relative to the directory.</summary>
    public static IEnumerable<string> Copy(string from, string to, string name)
    {
        var source = Path.Combine(from, name);
        if (Directory.Exists(source))
        {
            Directory.CreateDirectory(Path.Combine(to, name), OwnerOnly);
            return [.. Directory.GetFiles(source).SelectMany(file => Copy(from, to, Path.Combine(name, Path.GetFileName(file))))];
        }

        File.Copy(source, Path.Combine(to, name), overwrite: true);
        File.SetUnixFileMode(Path.Combine(to, name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return [name];
    }

    // SQLite's online backup: all pages in one read transaction, which in WAL mode holds up no writer.
    private static void CopySqlite(string file, string copy)
    {
        if (!File.Exists(file)) throw new UserErrorException($"There is no ledger '{file}'; give the --data directory of the service.");
        try
        {
            using var source = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false, DefaultTimeout = 30 }.ToString());
            using var target = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = copy, Pooling = false }.ToString());
            source.Open();
            target.Open();
            source.BackupDatabase(target);
            using var check = target.CreateCommand();

            // One file that needs no other beside it.
            check.CommandText = "PRAGMA journal_mode=DELETE; PRAGMA quick_check";
            using var reader = check.ExecuteReader();
            reader.NextResult();
            if (!reader.Read() || reader.GetString(0) != "ok") throw new UserErrorException($"The copy of '{file}' is damaged ({(reader.HasRows ? reader.GetString(0) : "no answer")}); check the disk, and the ledger with 'metering verify'.");
        }
        catch (SqliteException e)
        {
            throw new UserErrorException($"The ledger '{file}' can not be copied: {e.Message}; check the disk and its permissions.", inner: e);
        }
    }

    private static void Flush(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Flush(flushToDisk: true);
    }
}
