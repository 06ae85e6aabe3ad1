using Metering.Agent.Journal;
using Metering.Safety;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Metering.Tests.Upgrade;

/// <summary>Files that a former version wrote are taken on as they are; those of a newer one are refused.</summary>
public sealed class FormerVersionTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-former-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_ledger_of_a_former_version_is_brought_up_to_date_with_every_figure()
    {
        FormerVersion.Unpack(_directory);
        const string Everything = "SELECT group_concat(path || ' ' || bucket || ' ' || cpu_us, ';') FROM (SELECT * FROM usage JOIN workload ON id = workload ORDER BY id)";
        var before = Scalar("ledger.db", Everything);
        Assert.Contains($"{FormerVersion.Path} 1795377600 {FormerVersion.CpuMicroseconds}", before, StringComparison.Ordinal);
        await using (var store = LedgerStore.Create(new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(_directory, "ledger.db")}" })) await store.OpenAsync(Cancel);

        Assert.Equal(before, Scalar("ledger.db", Everything));

        // The same tables and columns as one that began with this version.
        await using (var store = LedgerStore.Create(new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(_directory, "fresh.db")}" })) await store.OpenAsync(Cancel);
        const string Schema = "SELECT group_concat(name || ':' || (SELECT group_concat(c.name || ' ' || c.type) FROM pragma_table_info(m.name) c), char(10)) FROM (SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name) m";
        Assert.Equal(Scalar("fresh.db", Schema), Scalar("ledger.db", Schema));
    }

    [Fact]
    public async Task A_ledger_of_a_newer_version_is_refused_with_the_remedy()
    {
        FormerVersion.Unpack(_directory);
        Scalar("ledger.db", "INSERT INTO __EFMigrationsHistory VALUES ('29991231000000_Later', '99.0.0')");

        await using var store = LedgerStore.Create(new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(_directory, "ledger.db")}" });
        var refused = await Assert.ThrowsAsync<UserErrorException>(() => store.OpenAsync(Cancel));

        Assert.Contains("29991231000000_Later, which this version does not know); start that version, or restore the backup", refused.Message, StringComparison.Ordinal);
        Assert.Equal("3", Scalar("ledger.db", "SELECT COUNT(*) FROM __EFMigrationsHistory"));
    }

    [Fact]
    public void A_journal_of_a_former_version_goes_on_with_its_numbers_and_its_batches()
    {
        FormerVersion.Unpack(_directory);
        var rows = Scalar("journal.db", "SELECT group_concat(hex(bytes)) FROM batch");

        using var journal = AgentJournal.Open(_directory, FormerVersion.Host, new JournalOptions());

        Assert.Equal(FormerVersion.Epoch, journal.Epoch);
        Assert.Equal(FormerVersion.Batches + 1, journal.NextSequence);
        Assert.Equal(FormerVersion.Batches - 1, journal.Committed);
        Assert.Null(journal.BootMicroseconds);
        Assert.Equal(rows, string.Join(',', journal.Read(1, 100).Select(row => Convert.ToHexString(row.Batch.Bytes))));
        Assert.Equal(0, journal.DamagedRows);
        Assert.NotEmpty(journal.States());
    }

    [Fact]
    public void A_journal_of_a_newer_format_is_refused_and_stays_as_it_is()
    {
        FormerVersion.Unpack(_directory);
        Scalar("journal.db", "INSERT INTO meta VALUES ('format', '2')");

        for (var i = 0; i < 2; i++)
        {
            var refused = Assert.Throws<UserErrorException>(() => AgentJournal.Open(_directory, FormerVersion.Host, new JournalOptions()));
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("newer version of the agent (format 2, this one knows 1); start that version", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal("13", Scalar("journal.db", "SELECT COUNT(*) FROM batch"));
    }

    private string Scalar(string file, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(_directory, file)};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToString(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture) ?? "";
    }
}
