//! Serves the files of a directory over loopback: krew downloads over HTTP only.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Serves until the program ends.
pub struct FileServer {
    address: SocketAddr,
    served: Arc<Mutex<Vec<String>>>,
}

impl FileServer {
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::new(Mutex::new(Vec::new()));
        let (root, log) = (root.to_owned(), Arc::clone(&served));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (root, log) = (root.clone(), Arc::clone(&log));
                // A client that goes away is its own affair.
                std::thread::spawn(move || serve(&stream, &root, &log).unwrap_or_default());
            }
        });
        FileServer { address, served }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The paths that were found, in the order of the requests.
    pub fn served(&self) -> Vec<String> {
        self.served.lock().unwrap().clone()
    }
}

/// One request a connection.
fn serve(stream: &TcpStream, root: &Path, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match fs::read(root.join(path.trim_start_matches('/'))) {
        Ok(body) => {
            log.lock().unwrap().push(path.to_owned());
            ("200 OK", body)
        }
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let mut out = stream;
    write!(out, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    out.write_all(&body)
}
