using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Labels of Podman's containers, from the database in which it keeps their configuration as JSON: <c>libpod/bolt_state.db</c>, bucket ctr (libpod/boltdb_state.go, the default before Podman 4.8),
/// or <c>db.sql</c>, table ContainerConfig (libpod/sqlite_state_internal.go). Of a user's store only the first is read: a database of SQLite is not opened that a tenant may have made.
/// </summary>
internal static class PodmanStates
{
    /// <summary>Files that change when a container is made or removed.</summary>
    public static IEnumerable<string> Paths(string store) => [store + "/libpod/bolt_state.db", store + "/db.sql"];

    /// <summary>The configuration of each container, by id.</summary>
    public static IEnumerable<(string Id, JsonElement Config)> Read(NameFiles files, string store, bool isRoots)
    {
        if (files.Bytes(store + "/libpod/bolt_state.db", NameFiles.MaxIndexBytes) is { } bytes && BoltFile.TryOpen(bytes) is { } bolt)
        {
            foreach (var found in Read(bolt)) yield return found;
        }

        if (!isRoots || files.RegularFile(store + "/db.sql") is not { } database) yield break;
        foreach (var found in ReadSqlite(database)) yield return found;
    }

    private static IEnumerable<(string, JsonElement)> Read(BoltFile bolt)
    {
        if (bolt.Find(bolt.Root, "ctr"u8) is not { } top || bolt.AsBucket(top) is not { } containers) yield break;
        foreach (var entry in bolt.Entries(containers).Take(NameFiles.MaxEntries))
        {
            var id = System.Text.Encoding.UTF8.GetString(bolt.Key(entry));
            if (NameText.IsContainerId(id) && bolt.AsBucket(entry) is { } container && bolt.Find(container, "config"u8) is { } config && Json(bolt.Value(config)) is { } json) yield return (id, json);
        }
    }

    // Immutable: nothing is locked or made beside it. Written to meanwhile, it may be torn, and is then read when it has changed again.
    private static List<(string, JsonElement)> ReadSqlite(string file)
    {
        var found = new List<(string, JsonElement)>();
        try
        {
            using var connection = new SqliteConnection($"Data Source=file:{Uri.EscapeDataString(file).Replace("%2F", "/", StringComparison.Ordinal)}?immutable=1;Mode=ReadOnly;Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = $"SELECT ID, JSON FROM ContainerConfig LIMIT {NameFiles.MaxEntries}";
            using var rows = command.ExecuteReader();
            while (rows.Read())
            {
                if (NameText.IsContainerId(rows.GetString(0)) && Json(System.Text.Encoding.UTF8.GetBytes(rows.GetString(1))) is { } json) found.Add((rows.GetString(0), json));
            }
        }
        catch (Exception e) when (e is SqliteException or InvalidCastException)
        {
            // None of Podman's, or half written.
        }

        return found;
    }

    private static JsonElement? Json(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
