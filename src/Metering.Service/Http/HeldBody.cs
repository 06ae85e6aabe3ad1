using Microsoft.AspNetCore.Http;

namespace Metering.Service.Http;

/// <summary>Keeps a JSON answer until it is complete; lets through what is none, and what grows too long.</summary>
internal sealed class HeldBody(HttpResponse response, Stream to) : Stream
{
    private readonly MemoryStream _held = new();
    private bool _isDecided;

    /// <summary>True while nothing has gone out.</summary>
    public bool IsHeld { get; private set; } = true;

    public ReadOnlyMemory<byte> Bytes => _held.GetBuffer().AsMemory(0, (int)_held.Length);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _held.Length;

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public void Drop() => _held.SetLength(0);

    public async Task SendAsync(CancellationToken cancel)
    {
        IsHeld = false;
        if (_held.Length > 0) await to.WriteAsync(Bytes, cancel);
        Drop();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!_isDecided)
        {
            _isDecided = true;
            if (response.ContentType?.Contains("json", StringComparison.OrdinalIgnoreCase) != true || response.ContentType.Contains("ndjson", StringComparison.OrdinalIgnoreCase)) await SendAsync(cancellationToken);
        }

        if (IsHeld && _held.Length + buffer.Length > AnswerTags.MaxBytes) await SendAsync(cancellationToken);
        if (IsHeld) _held.Write(buffer.Span);
        else await to.WriteAsync(buffer, cancellationToken);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => IsHeld ? Task.CompletedTask : to.FlushAsync(cancellationToken);

    public override void Flush() => throw new NotSupportedException("Answers are written asynchronously.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Answers are written asynchronously.");

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
