using System.Security.Cryptography;
using System.Text.Json;
using Metering.Cli.Client;
using Metering.Safety;

namespace Metering.Cli.Backups;

/// <summary>What is in a backup: <c>manifest.json</c> beside the files, written last, so that a directory without it is no backup.</summary>
/// <param name="Store"><c>sqlite</c> (ledger.db) or <c>postgres</c> (ledger.dump, pg_dump's custom format).</param>
internal sealed record BackupManifest(int Version, DateTimeOffset MadeAt, string Store, IReadOnlyList<BackupManifest.Entry> Files)
{
    public const int Newest = 1;
    public const string Sqlite = "sqlite", Postgres = "postgres";
    private const string FileName = "manifest.json";

    /// <param name="Name">Relative to the directory.</param>
    internal sealed record Entry(string Name, long Bytes, string Sha256);

    public static async Task<Entry> EntryAsync(string directory, string name, CancellationToken cancel)
    {
        await using var file = File.OpenRead(Path.Combine(directory, name));
        return new Entry(name, file.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel)));
    }

    public Task WriteAsync(string directory, CancellationToken cancel) => File.WriteAllTextAsync(Path.Combine(directory, FileName), JsonSerializer.Serialize(this, CliJson.Indented), cancel);

    /// <summary>Reads and checks every file. Throws <see cref="UserErrorException"/> naming the first that is not as it was.</summary>
    public static async Task<BackupManifest> ReadAsync(string directory, CancellationToken cancel)
    {
        BackupManifest? manifest = null;
        try
        {
            manifest = JsonSerializer.Deserialize<BackupManifest>(await File.ReadAllTextAsync(Path.Combine(directory, FileName), cancel), CliJson.Compact);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Told below.
        }

        if (manifest?.Files is null) throw new UserErrorException($"'{directory}' is no backup, or one that was cut short: its {FileName} can not be read; give a directory that 'metering backup' made.");
        if (manifest.Version > Newest) throw new UserErrorException($"The backup '{directory}' was made by a newer version of metering; restore it with that one.");
        foreach (var entry in manifest.Files)
        {
            if (entry.Name.StartsWith('/') || entry.Name.Split('/').Contains("..")) throw new UserErrorException($"The backup '{directory}' names a file outside of it, '{Tables.Inert(entry.Name)}'; take another one.");
            var there = File.Exists(Path.Combine(directory, entry.Name)) ? await EntryAsync(directory, entry.Name, cancel) : null;
            if (there != entry) throw new UserErrorException($"The backup '{directory}' is damaged: {Tables.Inert(entry.Name)} is {(there is null ? "missing" : "not what it was")}; take another one.");
        }

        return manifest;
    }
}
