using System.Globalization;
using System.IO.Compression;
using Metering.Cli.Client;
using Metering.Safety;
using Metering.Service.Focus;

namespace Metering.Cli.Exports;

/// <summary>Fetches datasets of a month, checks the bytes as they come, and hands them on.</summary>
/// <param name="query">Of the request, without the dataset.</param>
/// <param name="checker">Null: not checked.</param>
internal sealed class FocusDownload(ApiClient client, string query, FocusChecker? checker, ExportProgress progress)
{
    private const int Piece = 1 << 16;

    /// <summary>Copies a dataset; the number of its rows.</summary>
    /// <param name="to">Null: it is only checked.</param>
    public async Task<long> CopyAsync(FocusDataset dataset, Stream? to, bool compress, CancellationToken cancel)
    {
        using var response = await client.StreamAsync($"v1/exports/focus?{query}&dataset={dataset.Name}", cancel);
        long? expected = response.Headers.TryGetValues(FocusEndpoints.ExpectedHeader, out var values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var rows) ? rows : null;
        progress.Begin();
        var counter = new RowCounter();
        try
        {
            await using var input = await response.Content.ReadAsStreamAsync(cancel);
            if (compress && to is not null)
            {
                await using var packed = new GZipStream(to, CompressionLevel.Optimal, leaveOpen: true);
                await CopyAsync(dataset, input, packed, counter, expected, cancel);
            }
            else
            {
                await CopyAsync(dataset, input, to, counter, expected, cancel);
            }
        }
        catch (Exception e) when (e is HttpRequestException or HttpIOException)
        {
            throw new UserErrorException($"The service at {client.Url} broke off after {counter.Rows} rows of {dataset.Name} ({e.Message.TrimEnd('.')}); look at its log and export again. Nothing was written under the final name.", inner: e);
        }
        catch (FormatException e)
        {
            throw new UserErrorException($"What came of {dataset.Name} is no CSV ({e.Message.TrimEnd('.')}); look at the service's log and export again.", inner: e);
        }
        finally
        {
            progress.Clear();
        }

        return Math.Max(0, counter.Rows - 1);
    }

    private async Task CopyAsync(FocusDataset dataset, Stream input, Stream? to, RowCounter counter, long? expected, CancellationToken cancel)
    {
        var reader = checker?.Begin(dataset);
        var buffer = new byte[Piece];
        var bytes = 0L;
        for (int read; (read = await input.ReadAsync(buffer, cancel)) > 0;)
        {
            bytes += read;
            reader?.Push(buffer.AsSpan(0, read));
            counter.Push(buffer.AsSpan(0, read));
            if (to is not null) await to.WriteAsync(buffer.AsMemory(0, read), cancel);
            progress.Show(dataset.Name, counter.Rows, bytes, expected);
        }

        reader?.End();
        checker?.End();
    }
}
