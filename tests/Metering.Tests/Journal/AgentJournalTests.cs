using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Agent.Accounting;
using Metering.Agent.Journal;
using Metering.Messages;
using Metering.Safety;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Metering.Tests.Journal;

public sealed class AgentJournalTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-journal-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Numbers_go_on_after_a_restart_and_batches_come_back_byte_for_byte()
    {
        string epoch;
        byte[] bytes;
        using (var journal = Open())
        {
            epoch = journal.Epoch;
            Append(journal, 10);
            Append(journal, 20);
            bytes = journal.Read(2, 1)[0].Batch.Bytes;
        }

        using var again = Open();

        Assert.Equal(epoch, again.Epoch);
        Assert.Equal(3UL, again.NextSequence);
        Assert.Equal(20_000_000, again.LastPassMicroseconds);
        Assert.Equal(bytes, again.Read(2, 1)[0].Batch.Bytes);
        Assert.Single(again.States());
    }

    [Fact]
    public void A_second_agent_on_the_same_journal_is_refused_with_a_remedy()
    {
        using var journal = Open();

        var refused = Assert.Throws<UserErrorException>(() => Open());

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("in use by another agent, process " + Environment.ProcessId, refused.Message);
        Assert.Contains("--data", refused.Message);
    }

    [Fact]
    public void A_journal_of_another_host_is_refused()
    {
        Open().Dispose();

        Assert.Equal(2, Assert.Throws<UserErrorException>(() => AgentJournal.Open(_directory, "other", new JournalOptions())).ExitCode);
    }

    [Fact]
    public void Rows_stay_until_the_ledger_has_them_and_then_for_their_time()
    {
        using var journal = Open(new JournalOptions { Keep = TimeSpan.FromSeconds(100) });
        for (var i = 1; i <= 5; i++) Append(journal, i * 10);

        Append(journal, 1000);
        Assert.Equal(1UL, journal.Oldest());

        journal.Acknowledge(3);
        Append(journal, 1010);
        Assert.Equal(4UL, journal.Oldest());
    }

    [Fact]
    public void A_ledger_that_reports_less_than_before_is_noticed()
    {
        using var journal = Open();
        for (var i = 1; i <= 5; i++) Append(journal, i * 10);

        Assert.False(journal.Acknowledge(4));
        Assert.True(journal.Acknowledge(2));
        Assert.Equal(2UL, journal.Committed);
        Assert.False(journal.Acknowledge(99));
        Assert.Equal(5UL, journal.Committed);
    }

    [Fact]
    public void Over_its_bound_it_merges_what_was_never_offered_and_loses_nothing()
    {
        using var journal = Open(new JournalOptions { MaxBytes = 3_000 });
        for (var i = 1; i <= 6; i++) Append(journal, i * 10);
        journal.Offer(2);

        for (var i = 7; i <= 40; i++) Append(journal, i * 10);

        var batches = journal.Read(1, 1000).Select(row => (row.Batch, Message: UsageBatch.Parser.ParseFrom(row.Batch.Bytes))).ToList();
        Assert.Equal([1UL, 2UL], batches.Take(2).Select(pair => pair.Batch.Sequence));
        Assert.True(batches.Count < 20);
        Assert.Equal(40UL * 7, batches.Aggregate(0UL, (sum, pair) => sum + pair.Message.Workloads[0].Meters[0].Quantity));
        Assert.All(batches.Zip(batches.Skip(1)), pair => Assert.Equal(pair.First.Batch.Sequence + 1, pair.Second.Batch.FirstSequence));
        Assert.All(batches, pair => Assert.Equal(pair.Batch.FirstSequence, pair.Message.FirstSequence));
    }

    [Fact]
    public void When_even_that_is_not_enough_it_says_so_and_nothing_changes()
    {
        using var journal = Open(new JournalOptions { MaxBytes = 400 });
        var stored = 0;
        var full = Record.Exception(() =>
        {
            for (var i = 1; i <= 100; i++)
            {
                // A bucket each, so that nothing can be merged.
                Append(journal, i * 900);
                stored++;
            }
        });

        Assert.IsType<JournalFullException>(full);
        Assert.Equal((ulong)stored + 1, journal.NextSequence);
    }

    [Fact]
    public void A_flipped_bit_is_noticed_and_the_rest_flows()
    {
        using (var journal = Open()) for (var i = 1; i <= 3; i++) Append(journal, i * 10);
        using (var connection = new SqliteConnection($"Data Source={Path.Combine(_directory, "journal.db")};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "UPDATE batch SET bytes = CAST(bytes || 'x' AS BLOB) WHERE sequence = 2";
            command.ExecuteNonQuery();
        }

        using var again = Open();

        Assert.Equal([1UL, 3UL], again.Read(1, 10).Select(row => row.Batch.Sequence));
        Assert.Equal(1, again.DamagedRows);
    }

    [Fact]
    public void A_file_that_is_no_journal_is_refused_with_a_remedy()
    {
        File.WriteAllText(Path.Combine(_directory, "journal.db"), new string('x', 5000));

        Assert.Contains("can not be opened", Assert.Throws<UserErrorException>(() => Open()).Message);
    }

    [Fact]
    public void A_log_cut_at_any_byte_leaves_a_prefix_of_what_was_stored()
    {
        var live = Path.Combine(_directory, "journal.db");
        using var journal = Open();
        for (var i = 1; i <= 6; i++) Append(journal, i * 10);
        var (database, log) = (Copy(live), Copy(live + "-wal"));
        for (var cut = log.Length; cut >= 0; cut -= Math.Max(log.Length / 60, 1))
        {
            var copy = Directory.CreateDirectory(Path.Combine(_directory, "cut-" + cut)).FullName;
            File.WriteAllBytes(Path.Combine(copy, "journal.db"), database);
            File.WriteAllBytes(Path.Combine(copy, "journal.db-wal"), log[..cut]);

            using var opened = AgentJournal.Open(copy, "h1", new JournalOptions());

            var sequences = opened.Read(1, 100).Select(row => row.Batch.Sequence).ToList();
            Assert.Equal(Enumerable.Range(1, sequences.Count).Select(i => (ulong)i), sequences);
            Assert.Equal((ulong)sequences.Count + 1, opened.NextSequence);
        }

        static byte[] Copy(string file)
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
    }

    [Fact]
    public void A_new_epoch_starts_at_one_and_forgets_what_was_not_its_own()
    {
        using var journal = Open();
        var before = journal.Epoch;
        Append(journal, 10);

        journal.BeginNewEpoch();

        Assert.NotEqual(before, journal.Epoch);
        Assert.Equal(1UL, journal.NextSequence);
        Assert.Empty(journal.Read(1, 10));
        Assert.Null(journal.LastPassMicroseconds);
    }

    private AgentJournal Open(JournalOptions? options = null) => AgentJournal.Open(_directory, "h1", options ?? new JournalOptions());

    private static void Append(AgentJournal journal, long seconds)
    {
        var batch = new UsageBatch
        {
            Host = "h1",
            AgentEpoch = journal.Epoch,
            FirstSequence = journal.NextSequence,
            Sequence = journal.NextSequence,
            WindowStart = Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeSeconds(Math.Max(0, seconds - 10))),
            WindowEnd = Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeSeconds(seconds)),
            Workloads = { new WorkloadUsage { Kind = "raw", Id = "/x", Path = "/x", Inode = 5, Meters = { new MeterReading { Meter = "cpuMicroseconds", Quantity = 7, Start = (ulong)seconds, End = (ulong)seconds + 7 } } } },
        };
        journal.Append(new PassEntry([new EncodedBatch(batch.Sequence, batch.Sequence, Math.Max(0, seconds - 10) * 1_000_000, seconds * 1_000_000, batch.ToByteArray())], [], true, seconds * 1_000_000, "boot"));
    }
}
