using Metering.Cli.Doctor;
using Metering.Configuration;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Cli;

public sealed class ReadmeTests
{
    [Fact]
    public void The_table_of_capabilities_is_what_doctor_checks()
    {
        var rows = File.ReadLines(Path.Combine(RepositoryFiles.Root, "README.md")).Where(line => line.StartsWith("| `CAP_", StringComparison.Ordinal)).Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1]);
        Assert.Equal(Capability.All.Select(one => new[] { $"`{one.Name}`", one.Buys, one.Without }), rows);
    }

    [Fact]
    public void The_table_of_configuration_is_that_of_the_code()
    {
        var rows = File.ReadLines(Path.Combine(RepositoryFiles.Root, "README.md"))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Where(cells => cells.Length >= 4 && cells[1].StartsWith('`') && cells[1].Contains(':'))
            .Select(cells => (Key: cells[1].Trim('`'), Meaning: cells[2]));
        Assert.Equal(Settings.Known.Select(pair => (pair.Key, pair.Value)), rows);
    }
}
