using System.Text.Json;
using Metering.Cli.Commands;
using Xunit;

namespace Metering.Tests.Cli;

/// <summary>What <c>cost --with</c> asks for is in the table, and not only in files.</summary>
public sealed class CostExtrasTests
{
    [Fact]
    public void Trend_unit_costs_and_idle_have_columns_of_their_own()
    {
        var rows = Rows("""
            [{"cost":12.5,"trend":{"previous":10,"change":2.5,"changeShare":0.25},"unitCosts":{"cpuSeconds":{"unit":"Core-Hours","cost":0.04}},"idleShares":{"cpuSeconds":0.531767}},
             {"cost":null,"trend":{"previous":null,"change":null,"changeShare":null},"unitCosts":{},"idleShares":null}]
            """);

        var columns = CostExtras.Of(rows);

        Assert.Equal(["before", "change", "change %", "unit costs", "idle"], columns.Select(column => column.Title));
        Assert.Equal(["10.00", "+2.50", "+25.0%", "cpuSeconds 0.04 per Core-Hours", "cpuSeconds 53.2%"], columns.Select(column => column.Text(rows[0])));
        Assert.All(columns, column => Assert.Equal("–", column.Text(rows[1])));
    }

    [Fact]
    public void What_was_not_asked_for_has_none() => Assert.Empty(CostExtras.Of(Rows("""[{"cost":1,"trend":null}]""")));

    private static List<JsonElement> Rows(string json) => [.. JsonSerializer.Deserialize<JsonElement>(json).EnumerateArray()];
}
