using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Verification;

/// <summary>The contract on SQLite.</summary>
public sealed class SqliteVerifyTests : VerifyContract
{
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-verify-" + Path.GetRandomFileName())).FullName;

    protected override Task<string> ConnectionStringAsync() => Task.FromResult($"Data Source={Path.Combine(_directory, "ledger.db")}");

    /// <summary>SQLite keeps whatever type was written, so bytes that somebody edits by hand may become text.</summary>
    [Fact]
    public async Task Bytes_that_became_text_are_a_discrepancy()
    {
        await HonestAsync();
        await SqlAsync("UPDATE batch SET bytes = bytes || x'00' WHERE sequence = 3");

        await FirstIsAsync("batch", "host=h1 epoch=epoch-h1 sequence=3");
    }

    /// <summary>Webhook secrets and everybody's usage are in there.</summary>
    [Fact]
    public async Task Nobody_else_can_read_the_ledger()
    {
        await HonestAsync();

        Assert.All(Directory.GetFiles(_directory, "ledger.db*").Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    protected override ValueTask EndAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
