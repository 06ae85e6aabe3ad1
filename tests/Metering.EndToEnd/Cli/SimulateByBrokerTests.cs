using System.Text.Json;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary>The simulator as a fleet of real broker logins, against a real service.</summary>
public sealed class SimulateByBrokerTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(90);
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "metering.dll");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_went_through_the_broker_is_what_the_ledger_has()
    {
        await using var broker = await RabbitMqServer.StartAsync();
        foreach (var host in (string[])["sim-0001", "sim-0002"]) await broker.AddAgentUserAsync(host, "secret");
        var data = Directory.CreateTempSubdirectory("metering-cli-").FullName;
        var url = $"http://127.0.0.1:{Ports.Free()}";
        try
        {
            await using var service = ChildProcess.Start("dotnet", [Program, "service", "--data", data, "--url", url], new Dictionary<string, string?> { ["METERING__Broker__Url"] = broker.ServiceUrl });
            await service.WaitForLineAsync("service is up", Timeout, Cancel);
            using var http = new HttpClient { BaseAddress = new Uri(url) };
            await service.WaitUntilAsync(async cancel => (await http.GetAsync(new Uri("readyz", UriKind.Relative), cancel)).IsSuccessStatusCode, "ready", Timeout, Cancel);

            string[] simulate = ["simulate", "--hosts", "2", "--workloads", "5", "--passes", "3", "--seed", "9", "--from", "2026-10-01T00:00:00Z", "--format", "json", "--broker"];
            var printed = await ChildProcess.RunAsync("dotnet", [Program, .. simulate, broker.Url("{host}", "secret")], Timeout, Cancel);
            var report = JsonSerializer.Deserialize<JsonElement>(printed);
            Assert.Equal("rabbitmq", report.GetProperty("transport").GetString());

            var usage = await ChildProcess.RunAsync("dotnet", [Program, "usage", "--from", "2026-10", "--group-by", "host", "--format", "json", "--url", url, "--data", data], Timeout, Cancel);
            var rows = JsonSerializer.Deserialize<JsonElement>(usage).GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("quantities")).ToList();
            foreach (var total in report.GetProperty("totals").EnumerateObject()) Assert.Equal(total.Value.GetDecimal(), rows.Sum(row => row.GetProperty(total.Name).GetDecimal()));

            var refused = await ChildProcess.RunAsync("dotnet", [Program, "simulate", "--broker", broker.Url("sim-0001", "secret")], Timeout, Cancel, exitCode: 2);
            Assert.Contains("{host}", refused);
            var wrong = await ChildProcess.RunAsync("dotnet", [Program, "simulate", "--hosts", "1", "--broker", broker.Url("{host}", "wrong")], Timeout, Cancel, exitCode: 1);
            Assert.StartsWith("metering: ", wrong);
            Assert.DoesNotContain("wrong@", wrong);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }
}
