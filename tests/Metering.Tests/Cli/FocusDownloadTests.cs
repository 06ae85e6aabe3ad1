using System.Net;
using System.Net.Sockets;
using System.Text;
using Metering.Cli.Client;
using Metering.Cli.Exports;
using Metering.Safety;
using Metering.Service.Focus;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Cli;

public sealed class FocusDownloadTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_breaks_off_midway_is_an_error_and_has_no_file_of_its_name()
    {
        var directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-download-" + Path.GetRandomFileName())).FullName;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeHalfAsync(listener);
        using var client = ApiClient.Create($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}", "key", directory);
        var path = Path.Combine(directory, "month.csv");

        await using (var file = new PendingFile(path))
        {
            var download = new FocusDownload(client, "period=2026-10", null, new ExportProgress(TextWriter.Null, false, TimeProvider.System));
            var error = await Assert.ThrowsAsync<UserErrorException>(() => download.CopyAsync(FocusDataset.CostAndUsage, file.Stream, compress: false, Cancel));
            Assert.Contains("broke off after 2 rows", error.Message);
            Assert.Single(Directory.GetFiles(directory));
            Assert.False(File.Exists(path));
        }

        Assert.Empty(Directory.GetFiles(directory));
        await serving;
        Directory.Delete(directory);
    }

    [Fact]
    public async Task A_file_has_its_name_when_it_is_whole_and_what_had_it_before_stays_until_then()
    {
        var directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-pending-" + Path.GetRandomFileName())).FullName;
        var path = Path.Combine(directory, "month.csv");
        await File.WriteAllTextAsync(path, "before", Cancel);

        // Of a process that was killed, and of one that still writes.
        var (left, held) = (Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.1.tmp"), Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.2.tmp"));
        await File.WriteAllTextAsync(left, "of a process that was killed", Cancel);
        await using var other = new FileStream(held, FileMode.Create, FileAccess.Write, FileShare.None);
        await using (var file = new PendingFile(path))
        {
            await file.Stream.WriteAsync("after"u8.ToArray(), Cancel);
            await file.CompleteAsync(Cancel);
            Assert.Equal("before", await File.ReadAllTextAsync(path, Cancel));
            file.Publish();
        }

        Assert.Equal("after", await File.ReadAllTextAsync(path, Cancel));
        Assert.Equal([held, path], Directory.GetFiles(directory).Order());
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("a,b\r\n1,2\r\n", 2)]
    [InlineData("a\r\n\"x\r\ny\"\r\n\"z\"\"\r\n\"\r\n", 3)]
    public void Rows_are_counted_though_a_field_has_lines(string csv, long rows)
    {
        for (var cut = 1; cut < 5; cut++)
        {
            var counter = new RowCounter();
            foreach (var piece in Encoding.UTF8.GetBytes(csv).Chunk(cut)) counter.Push(piece);
            Assert.Equal(rows, counter.Rows);
        }
    }

    [Fact]
    public void Progress_never_says_that_an_estimate_is_reached()
    {
        Assert.Equal("cost-and-usage  [###############...............]  50 %  500 rows, 2 KiB, 100 rows/s", ExportProgress.Line("cost-and-usage", 500, 2048, 1000, TimeSpan.FromSeconds(5)));
        Assert.Contains(" 99 %", ExportProgress.Line("cost-and-usage", 5000, 2048, 1000, TimeSpan.FromSeconds(5)));
        Assert.Equal("invoice-detail  7 rows, 512 B, 7 rows/s", ExportProgress.Line("invoice-detail", 7, 512, null, TimeSpan.FromSeconds(1)));
    }

    // An answer in pieces whose end never comes.
    private static async Task ServeHalfAsync(TcpListener listener)
    {
        using var connection = await listener.AcceptTcpClientAsync(Cancel);
        var stream = connection.GetStream();
        var request = new byte[4096];
        _ = await stream.ReadAsync(request, Cancel);
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\nc\r\na,b\r\n1,2\r\n3,\r\n"u8.ToArray(), Cancel);
    }
}
