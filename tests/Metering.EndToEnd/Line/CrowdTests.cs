using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>Many at once, and some who mean no good, at the HTTP API of a real service.</summary>
public sealed class CrowdTests(ServiceLine line) : IClassFixture<ServiceLine>
{
    private const int Agents = 1000, Each = 3, MemoryKilobytes = 900 << 10;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_thousand_agents_that_come_back_at_once_are_taken_in_bounded_memory_while_the_api_answers()
    {
        using var crowd = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Agents }) { BaseAddress = new Uri(line.Service.Url), Timeout = TimeSpan.FromMinutes(3) };
        crowd.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ServiceProcess.AdminKey);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var asking = AskAsync(over.Token);

        await Task.WhenAll(Enumerable.Range(0, Agents).Select(async i =>
        {
            var maker = new BatchMaker($"crowd-{i}", "/e2e-crowd");
            for (var n = 1; n <= Each; n++)
            {
                var (status, answer) = await maker.Next(1).PostAsync(crowd, Cancel);
                Assert.True(status == HttpStatusCode.OK, $"{status} {answer}");
                Assert.Equal(n, answer.GetProperty("committedSequence").GetInt32());
            }
        }));

        await over.CancelAsync();
        Assert.True(await asking > 0, "nobody else was answered");
        Assert.Equal(Agents * Each * 1_000_000m, (await line.Service.GetAsync("v1/usage?groupBy=kind&filter=" + Uri.EscapeDataString("path:/e2e-crowd"), Cancel)).GetProperty("rows").EnumerateArray().Sum(row => row.GetProperty("quantities").GetProperty("cpuSeconds").GetDecimal()) * 1_000_000);
        var peak = (await File.ReadAllLinesAsync($"/proc/{line.Service.Child.Id}/status", Cancel)).First(text => text.StartsWith("VmHWM:", StringComparison.Ordinal));
        Assert.InRange(int.Parse(peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture), 1, MemoryKilobytes);
        line.Service.SaidNoStackTrace();
    }

    [Fact]
    public async Task Who_lies_about_the_length_or_drips_is_cut_off_and_holds_up_nobody()
    {
        // A byte a second, each a connection that a server with a thread for each would lose.
        var dripping = Enumerable.Range(0, 30).Select(_ => DripAsync()).ToArray();
        (string Header, string Body, string Says)[] lies =
        [
            ("Content-Length: 1000", "{}", ""),
            ("Content-Length: 1", "{}GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 4"),
            ("Content-Length: 99999999999", "{}", "HTTP/1.1 413"),
            ("Content-Length: -1", "{}", "HTTP/1.1 400"),
            ("Content-Length: 2\r\nContent-Length: 3", "{}", "HTTP/1.1 400"),
            ("Content-Length: 2\r\nTransfer-Encoding: chunked", "0\r\n\r\n", "HTTP/1.1 4"),
            ("Transfer-Encoding: chunked", "FFFFFFFFFF\r\n{}", "HTTP/1.1 4"),
            ("Content-Encoding: gzip\r\nContent-Length: 20", "\u001f\u008b\u0008\u0000\u0000\u0000\u0000\u0000\u0002\u0003\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000", "HTTP/1.1 4"),
        ];
        foreach (var (header, body, says) in lies)
        {
            var answer = await SendAsync($"POST /v1/usage-batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {line.KeyOfA}\r\nContent-Type: application/x-protobuf\r\n{header}\r\n\r\n{body}");

            // A reset that overtakes the answer is a refusal too.
            Assert.True(answer.Length == 0 || answer.StartsWith(says, StringComparison.Ordinal), $"{header}: {answer}");
            Assert.DoesNotContain("HTTP/1.1 2", answer, StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.OK, (await new BatchMaker("edge-a", "/e2e-beside").Next(1).PostAsync(line.Service.Client, Cancel, key: line.KeyOfA)).Status);
        Assert.All(await Task.WhenAll(dripping), answer => Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 408", StringComparison.Ordinal), answer));
        Assert.Equal(HttpStatusCode.OK, await line.Service.StatusAsync("/readyz", Cancel));
        line.Service.SaidNoStackTrace();
    }

    private async Task<int> AskAsync(CancellationToken over)
    {
        var answers = 0;
        try
        {
            for (; ; answers++)
            {
                await line.Service.GetAsync("v1/usage?groupBy=host&limit=10", over);
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, over);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            return answers;
        }
    }

    // What is answered until the other side closes; it is told that nothing more comes.
    private async Task<string> SendAsync(string request)
    {
        using var client = await ConnectAsync();
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancel);
            client.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // It has heard enough.
        }

        return await ReadAsync(stream);
    }

    private async Task<string> DripAsync()
    {
        using var client = await ConnectAsync();
        var stream = client.GetStream();
        var answer = ReadAsync(stream);
        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/usage-batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {line.KeyOfA}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"), Cancel);
            while (!answer.IsCompleted)
            {
                await stream.WriteAsync("["u8.ToArray(), Cancel);
                await Task.WhenAny(answer, Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Cancel));
            }
        }
        catch (IOException)
        {
            // Cut off.
        }

        return await answer;
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(line.Service.Url).Port, Cancel);
        return client;
    }

    private static async Task<string> ReadAsync(NetworkStream stream)
    {
        using var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, Cancel).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Cancel);
        }
        catch (IOException)
        {
            // A reset is an end too.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }
}
